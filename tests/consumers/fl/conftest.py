"""Phantoms of three hospitals, the third with slice labels in place of masks, and plans of their federation."""

from pathlib import Path

import pytest
import yaml
from support.bundle import NETWORK
from support.bundle import quick_pictures as quick_pictures

from bundle.consumers.fl import make_site_folders
from bundle.data import ChannelFiles
from bundle.phantoms import make_phantoms

SITES = ("A", "B", "C")
KNOBS = {
    **NETWORK,
    **{"stem": "conv", "smoothing_kernel": 7, "batch_size": 8, "learning_rate": 1e-3, "device": "cpu"},
    **{
        "slice_position": 0.25,
        "slice_smoothing": 1.0,
        "bootstrap_draws": 10,
        "threshold_beta": 2.0,
        "split_fractions": [0.5, 0.25, 0.25],
    },
}


@pytest.fixture(scope="session")
def hospitals(tmp_path_factory):
    """Folder of the three sites."""
    root = make_phantoms(tmp_path_factory.mktemp("data") / "phantoms", cases=20, shape=(32, 32, 6), progress=False)
    cases = ChannelFiles(root, ["t1", "t2", "flair"], table="cases.csv").find()
    folder = tmp_path_factory.mktemp("sites")
    make_site_folders(cases, root, folder, SITES, without_masks=["C"])
    return folder


@pytest.fixture(scope="session")
def write_plan(hospitals):
    """Write the plan of a tiny federation into a folder; return its file."""

    def write(folder, own=None, knobs=None, **entries) -> Path:
        sites = {site: {"dataset_dir": str(hospitals / site)} for site in SITES}
        sites["C"] |= {"finder#mask": None, "finder#slice_labels": "{case}/{case}_slices.csv"}
        for site, settings in (own or {}).items():
            sites[site] |= settings
        content = {
            "config_file": ["configs/train.json", "configs/sizes/tiny.yaml", "configs/datasets/demo.yaml"],
            "knobs": {**KNOBS, **(knobs or {})},
            "rounds": 2,
            "sites": sites,
            **entries,
        }
        file = Path(folder) / "plan.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    return write
