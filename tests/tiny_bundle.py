"""The real configs with overlays, for a network that trains in a moment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conftest import ROOT
from monai.bundle import ConfigParser

SIZE = {"image_size": 16, "patch_size": 8, "hidden_size": 16, "num_layers": 1, "num_heads": 2, "smoothing_kernel": 3}


def tiny_bundle(base: str, overlays: Sequence[str], folder: Path, **knobs: Any) -> ConfigParser:
    """Return `configs/<base>.json` with overlays such as "datasets/demo"; data lie in `folder`/data."""
    parser = ConfigParser()
    parser.read_config([str(ROOT / f"configs/{base}.json"), *(str(ROOT / f"configs/{name}.yaml") for name in overlays)])
    places = {"bundle_root": str(ROOT), "dataset_dir": str(folder / "data"), "device": "cpu"}
    if base == "train":
        places |= {"output_dir": str(folder / "run"), "cache_dir": str(folder / "cache"), "max_epochs": 1}
    else:
        places |= {"output_dir": str(folder / "results"), "checkpoint": str(folder / "run/model.pt")}
    parser.update({**places, **SIZE, **knobs})
    return parser
