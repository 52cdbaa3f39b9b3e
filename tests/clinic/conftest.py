"""A bundle of one channel with random weights, and studies for it."""

import json

import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser
from support.bundle import NETWORK

SLICES = 5


@pytest.fixture(scope="session")
def bundle_root(tmp_path_factory):
    """What packing leaves of a run: configs and weights."""
    root = tmp_path_factory.mktemp("bundle")
    (root / "configs").mkdir()
    (root / "models").mkdir()
    metadata = json.loads((ROOT / "configs" / "metadata.json").read_text())
    metadata["network_data_format"]["inputs"]["image"]["channel_def"] = {"0": "CT"}
    (root / "configs" / "metadata.json").write_text(json.dumps(metadata))
    inference = json.loads((ROOT / "configs" / "inference.json").read_text())
    rule = {"map_threshold": 0.5, "minimum_ml": 0.0, "map_scale": [0.0, 1.0]}
    inference |= {**NETWORK, "in_channels": 1, "finding_rule": rule, "threshold": 0.0, "map_scale": [0.0, 1.0]}
    (root / "configs" / "inference.json").write_text(json.dumps(inference))
    inference["network_def"].pop("_requires_")
    torch.manual_seed(0)
    torch.save(ConfigParser(inference).get_parsed_content("network_def").state_dict(), root / "models" / "model.pt")
    return root


@pytest.fixture
def study(tmp_path):
    """Write a series; return the folder."""
    from support.dicom_files import save, slice_of  # pydicom is an extra

    def study(name="study", *, number=7, slices=SLICES, size=(40, 48), **more):
        for index in range(slices):
            image = slice_of(100 * number + index, (-10, -20, 3 * index), value=index, size=size, **more)
            image.SeriesNumber, image.SeriesInstanceUID = number, f"1.2.3.{number}"
            save(image, tmp_path / name / f"series{number}")
        return tmp_path / name

    return study
