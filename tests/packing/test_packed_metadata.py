"""Metadata of networks of several kinds."""

import json
import re

import pytest
from conftest import ROOT

from bundle.packing import packed_metadata

TRAIN, METADATA = (json.loads((ROOT / f"configs/{name}.json").read_text()) for name in ("train", "metadata"))
DATA_FORMAT = "network_data_format"


def packed(metrics=None, threshold=0.5, **knobs):
    return packed_metadata({**TRAIN, **knobs}, METADATA, metrics or {}, threshold)


def test_defaults():
    image = packed()[DATA_FORMAT]["inputs"]["image"]
    assert image == {
        **METADATA[DATA_FORMAT]["inputs"]["image"],
        "channel_def": {"0": "t1", "1": "t2", "2": "flair"},  # names of the files
    }


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"in_channels": 1, "finder": {"_target_": "F", "channels": ["flair"]}}, {"0": "flair"}),
        ({"in_channels": 2, "finder": {"_target_": "F"}}, {"0": "channel 0", "1": "channel 1"}),
        ({"in_channels": "$1 + 1", "finder": "@other"}, {"0": "channel 0", "1": "channel 1"}),
        ({"in_channels": 1}, {"0": "channel 0"}),  # three names, one channel
    ],
)
def test_channels(knobs, expected):
    image = packed(**knobs)[DATA_FORMAT]["inputs"]["image"]
    assert image["channel_def"] == expected
    assert image["num_channels"] == len(expected)


def test_several_classes():
    metadata = packed(num_classes=3)
    pred = metadata[DATA_FORMAT]["outputs"]["pred"]
    assert pred["num_channels"] == 3
    assert pred["channel_def"] == {"0": "logit of class 0", "1": "logit of class 1", "2": "logit of class 2"}
    assert "softmax" in metadata["pred_classes"]
    assert "0 to 2" in metadata["label_classes"]


def test_intensities_that_are_not_scaled_per_slice_have_no_stated_range():
    assert packed(normalize="none")[DATA_FORMAT]["inputs"]["image"]["value_range"] == []


def test_scores_without_a_value_are_left_out():
    metrics = {"slice": {"f1": 0.75, "auroc": None}, "map": {"energy_ratio": 2.0}}
    assert packed(metrics)["eval_metrics"] == {"slice_f1": 0.75, "map_energy_ratio": 2.0}
    assert "0.3125" in packed(threshold=0.3125)["pred_classes"]


def test_the_repository_s_metadata_is_left_alone():
    before = json.dumps(METADATA)
    packed(num_classes=3)
    assert json.dumps(METADATA) == before


def test_every_declared_dependency_is_listed_with_its_locked_version():
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    versions = {name.lower(): version for name, version in locked}
    own = {"monai": "monai_version", "torch": "pytorch_version", "numpy": "numpy_version"}
    listed = {name.lower(): version for name, version in METADATA["required_packages_version"].items()}
    listed |= {name: METADATA[key] for name, key in own.items()}
    names = [re.match(r"[\w.-]+", line).group().lower() for line in declared]
    assert listed == {name: versions[name] for name in names}
