"""Runs of the tiny size on phantoms, through the configs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai.bundle import ConfigParser

from benchmarks.subprocesses import ROOT
from bundle.phantoms import make_phantoms

FILES = ("train.json", "datasets/demo.yaml", "sizes/tiny.yaml", "methods/lgmvit.yaml")


def phantoms(folder: Path, cases: int, shape: tuple[int, int, int] = (64, 64, 36)) -> Path:
    """Write phantoms of about the size of a scan of the LGG data set."""
    return make_phantoms(folder / "phantoms", max(cases, 5), shape, progress=False)


def config_files(overlays: Sequence[Path] = ()) -> list[str]:
    """Return the configs of a run, overlays last."""
    return [*(str(ROOT / "configs" / name) for name in FILES), *map(str, overlays)]


def arguments(data: Path, output: Path, overlays: Sequence[Path] = ()) -> list[str]:
    """Return what follows `python` on the command line of a run."""
    folders = {"dataset_dir": data, "output_dir": output, "cache_dir": data.parent / "cache"}
    options = [text for name, value in folders.items() for text in (f"--{name}", str(value))]
    return ["-m", "monai.bundle", "run", "--config_file", repr(config_files(overlays)), *options]


def parser_of(data: Path, output: Path, **settings: object) -> ConfigParser:
    """Return the parsed config of a run, nothing built yet."""
    parser = ConfigParser()
    parser.read_config(config_files())
    folders = {"dataset_dir": str(data), "output_dir": str(output), "cache_dir": str(data.parent / "cache")}
    parser.update({"bundle_root": str(ROOT), **folders, **settings})
    return parser


def fill_store(data: Path) -> None:
    """Slice all phantoms into the store that a run of the same data then finds."""
    parser = parser_of(data, data.parent / "unused")
    for part in ("train", "validate"):
        parser.get_parsed_content(f"{part}#dataset")
