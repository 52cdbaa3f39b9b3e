"""Where each method looks, on the same slices."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.bundle import ConfigParser
from numpy.typing import NDArray

from bundle.experiments.bundle_run import BUNDLE_ROOT, BundleRun
from bundle.experiments.chosen_slices import chosen_slices
from bundle.experiments.experiment import Experiment
from bundle.experiments.inference_run import run_inference
from bundle.experiments.raster import raster
from bundle.read_json import read_json
from bundle.reports import FinishedRun, draw_overlay, overlay_panel

OWN = frozenset({"bundle_root", "dataset_dir", "output_dir", "checkpoint", "device", "amp", "resume", "threshold"})
"""Knobs of inference.json that say where and how it runs here, not what the network is."""


def map_grid(
    experiment: Experiment,
    root: Path,
    dataset_dir: Path,
    attribution: str = "configs/attributions/class_attention.yaml",
    num_cases: int = 5,
) -> NDArray:
    """Return one line per slice and one column per row of the experiment, the mask outlined in magenta.

    The slices are those of `chosen_slices`, the maps come from inference with each run's own model.pt. One attribution
    serves all networks, so that the picture compares networks and not maps; only the first repeat is shown.

    Args:
        experiment: whose runs are finished.
        root: where they are.
        dataset_dir: the data set, as for the runs.
        attribution: overlay of the map; the paper shows the attention of the last block.
        num_cases: lines of the picture.

    Returns:
        (3, H, W) uint8.

    Raises:
        FileNotFoundError: a run is not finished.
        ValueError: see `chosen_slices`; a chosen case is not in `dataset_dir`.
        RuntimeError: an inference failed.

    Source: figure 3 of the paper.
    """
    repeat = next(iter(experiment.repeats))
    runs = {row: experiment.run(row, repeat, root) for row in experiment.rows}
    chosen = chosen_slices([FinishedRun.read(run.output_dir) for run in runs.values()], num_cases)
    parser = config_of(experiment.base, dataset_dir)
    items = {case.case: case.item() for case in parser.get_parsed_content("finder").find()}
    if missing := sorted({case for case, _ in chosen} - set(items)):
        raise ValueError(f"{dataset_dir} expected the test cases of the runs, {missing} are not there.")
    pictures: list[list[NDArray]] = [[] for _ in chosen]
    with tempfile.TemporaryDirectory() as folder:
        for row, run in runs.items():
            images = [without_label(items[case]) for case, _ in chosen]
            overlays = [*experiment.base[1:], *experiment.row(row)[0], attribution]
            run_inference(run, images, Path(folder) / row, overlays, network_knobs(run))
            for line, (case, index) in zip(pictures, chosen, strict=True):
                line.append(overlaid(items[case], Path(folder) / row / case, index, parser))
    return overlay_panel(pictures, list(runs), [f"{case}, slice {index}" for case, index in chosen])


def config_of(files: Sequence[str], dataset_dir: Path) -> ConfigParser:
    """Return the config of an experiment's data set."""
    parser = ConfigParser()
    parser.read_config([str(BUNDLE_ROOT / file) for file in files])
    parser.update({"dataset_dir": str(dataset_dir.absolute()), "bundle_root": str(BUNDLE_ROOT)})
    return parser


def network_knobs(run: BundleRun) -> dict[str, Any]:
    """Return the knobs of inference that the run was trained with, by its record; MONAI takes no null from outside."""
    known = read_json(BUNDLE_ROOT / "configs/inference.json")
    trained = read_json(run.output_dir / "config.json")
    return {
        name: trained[name]
        for name, value in known.items()
        if name not in OWN and not isinstance(value, dict | list) and not str(value).startswith("$")
        if trained.get(name) is not None and not isinstance(trained[name], dict | list)
    }


def without_label(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case dictionary as inference takes it."""
    return {name: value for name, value in item.items() if name != "label"}


def overlaid(item: Mapping[str, Any], folder: Path, index: int, parser: ConfigParser) -> NDArray:
    """Return the last channel of one slice with map and mask, (H, W, 3)."""
    with (folder / "slices.csv").open(newline="", encoding="utf-8") as file:
        line = next(line for line in csv.DictReader(file) if int(line["slice"]) == index)
    source = int(line["source_slice"]) if line.get("source_slice") else None
    image = item["image"] if isinstance(item["image"], str) else item["image"][-1]
    files = (image, folder / "attribution.nii.gz", item["label"])
    voxels = [raster(file, source) for file in files]
    picture, attribution, mask = (array if source is not None else array[..., index] for array in voxels)
    return draw_overlay(picture, attribution, np.asarray(mask) > parser.get("check#positive_above", 0))
