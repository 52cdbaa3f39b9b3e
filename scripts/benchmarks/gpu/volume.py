"""Inference of a volume with maps: in memory, and from files to results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import torch
from monai.bundle import ConfigParser

from benchmarks.gpu.setting import Row, Setting
from benchmarks.infer import infer, volume_of
from benchmarks.subprocesses import ROOT
from benchmarks.timings import Timings
from benchmarks.volumes import CHANNELS, write_volumes
from bundle.attribution import EAFEM, Relevance
from bundle.inferers import SliceInferer
from bundle.networks import SliceViT
from bundle.transforms import SliceTransform


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the seconds of a volume."""
    scale, device = setting.scale, torch.device(setting.device)
    network, volume = SliceViT(**scale.network).eval().to(device), volume_of(scale, scale.depth).to(device)
    shape = " x ".join(map(str, volume.shape[2:]))
    for name, attribution in {"EAFEM": EAFEM(), "GAE": Relevance()}.items():
        inferer = SliceInferer(SliceTransform(scale.image_size), attribution, scale.batch_size)

        def explain(inferer: SliceInferer = inferer) -> None:
            with setting.precision():
                infer(inferer, network, volume)

        seconds = Timings.interleaved({"one": setting.block(explain, 1)}, scale.repetitions).median("one")
        yield Row(f"inference of {shape} with {name}, in memory", seconds, "s")
        yield Row(f"peak memory of inference with {name}", setting.peak_bytes(explain) / 1e9, "GB")
    with TemporaryDirectory() as folder:
        yield from from_files(setting, network, Path(folder))


def from_files(setting: Setting, network: SliceViT, folder: Path) -> Iterator[Row]:
    """Yield the seconds of a case through configs/inference.json: three channels read, four results written."""
    scale, cases = setting.scale, 2
    write_volumes(folder / "scans", cases, scale.side, scale.depth)
    torch.save(network.state_dict(), folder / "model.pt")
    places = {"bundle_root": str(ROOT), "dataset_dir": str(folder / "scans"), "checkpoint": str(folder / "model.pt")}
    finder = {"_target_": "bundle.data.ChannelFiles", "root": "@dataset_dir", "channels": list(CHANNELS), "mask": "seg"}

    def run() -> None:
        parser = ConfigParser()
        parser.read_config(str(ROOT / "configs/inference.json"))
        run = {"output_dir": mkdtemp(dir=folder), "device": setting.device, "amp": setting.is_gpu}
        parser.update({**places, **run, **scale.network, "batch_size": scale.batch_size, "finder": finder})
        parser.get_parsed_content("initialize")
        parser.get_parsed_content("run")

    seconds = Timings.interleaved({"cases": run}, 1).median("cases") / cases
    yield Row("a case from files to results", seconds, "s", "the second time; gzip, picture and checks included")
