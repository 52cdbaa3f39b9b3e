"""Texts that name a place of one machine, and texts that only look like it."""

import json

import pytest
from conftest import ROOT

from bundle.packing import require_no_machine_paths

PLACES = ["/data/brats", "C:\\data", "D:/data", "sqlite:////runs/a.db", "$open('/data/list.json')", '$f("/a/b", @x)']
OTHERS = [
    "@dataset_dir",
    "$@dataset_dir + '/list.json'",
    "$r+'/x'",
    "**/{case}/{case}_{channel}",
    "scans/a.nii",
    "^T/[^_]+",
]


@pytest.mark.parametrize("text", PLACES)
def test_places_are_refused_by_id(text):
    with pytest.raises(ValueError) as error:
        require_no_machine_paths({"a": [1, {"b": text}]}, "config.json")
    assert str(error.value).startswith("config.json expected no paths of this machine, got a#1#b ")


@pytest.mark.parametrize("text", OTHERS)
def test_other_texts_pass(text):
    require_no_machine_paths({"a": [text, None, 3]}, "config.json")


def test_all_places_are_listed():
    with pytest.raises(ValueError, match=r"a '/x', b#0 '/y'"):
        require_no_machine_paths({"a": "/x", "b": ["/y"]}, "config.json")


@pytest.mark.parametrize("name", ["train", "inference", "evaluate", "multi_gpu_train"])
def test_the_repository_s_configs_pass(name):
    require_no_machine_paths(json.loads((ROOT / f"configs/{name}.json").read_text()), name)
