"""What a run leaves behind when its config is packed: its machine, its processes, its evaluation."""

import json

import pytest
from conftest import ROOT
from monai.bundle import ConfigParser

from bundle.packing import packed_train

TRAIN = json.loads((ROOT / "configs/train.json").read_text())


def merged(*files, **overrides):
    """Return what config.json of such a run holds."""
    parser = ConfigParser()
    parser.read_config([str(ROOT / "configs" / file) for file in ("train.json", *files)])
    parser.update(overrides)
    return {name: value for name, value in parser.get().items() if name != "_meta_"}


def same(packed, expected):
    """Compare configs whatever separator of ids they have."""
    return json.loads(json.dumps(packed).replace("::", "#")) == expected


@pytest.mark.parametrize(
    "config",
    [
        merged(),
        merged(dataset_dir="/data", output_dir="/runs/1", cache_dir="/cache", device="cuda:1", num_workers=8),
        merged(resume=True, split_file="/data/split.json", tracking_uri="sqlite:////runs/mlruns.db"),
        merged("multi_gpu_train.json"),
        merged("evaluate.json"),
    ],
)
def test_a_run_of_the_defaults_gives_the_defaults(config):
    assert same(packed_train(config, TRAIN), {**TRAIN, "model_dir": "$@bundle_root + '/models'"})


def test_knobs_and_method_stay():
    packed = packed_train(merged("methods/res_l.yaml", "sizes/tiny.yaml", seed=7), TRAIN)
    assert (packed["seed"], packed["hidden_size"]) == (7, 128)
    assert packed["localization_loss"]["imputation"] == "learned"
    assert TRAIN["seed"] == 0
