"""The packed configs: what a run leaves behind, what inference takes over, what metadata says."""

import json
import re

import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser

from bundle.packing import packed_inference, packed_metadata, packed_train
from bundle.packing.checks import require_fit

TRAIN, INFERENCE, METADATA = (
    json.loads((ROOT / f"configs/{name}.json").read_text()) for name in ("train", "inference", "metadata")
)
DATA_FORMAT = "network_data_format"


def merged(*files, **overrides):
    """Return what config.json of such a run holds."""
    parser = ConfigParser()
    parser.read_config([str(ROOT / "configs" / file) for file in ("train.json", *files)])
    parser.update(overrides)
    return {name: value for name, value in parser.get().items() if name != "_meta_"}


def equal(packed, expected):
    """Compare configs whatever separator of ids they have."""
    return json.loads(json.dumps(packed).replace("::", "#")) == expected


@pytest.mark.parametrize(
    "config",
    [
        merged(),
        merged(dataset_dir="/data", output_dir="/runs/1", cache_dir="/cache", device="cuda:1", num_workers=8),
        merged(
            resume=True,
            split_file="/data/split.json",
            teacher="/runs/1/model.pt",
            tracking_uri="sqlite:////runs/mlruns.db",
        ),
        merged("multi_gpu_train.json"),
        merged("evaluate.json"),
    ],
)
def test_a_run_of_the_defaults_gives_the_defaults(config):
    assert equal(packed_train(config, TRAIN), {**TRAIN, "model_dir": "$@bundle_root + '/models'"})


def test_knobs_and_method_stay_in_the_packed_train():
    packed = packed_train(merged("methods/res_l.yaml", "sizes/tiny.yaml", seed=7), TRAIN)
    assert (packed["seed"], packed["hidden_size"]) == (7, 128)
    assert packed["localization_loss"]["imputation"] == "learned"
    assert TRAIN["seed"] == 0


def test_defaults_give_the_defaults_with_training_s_network():
    packed = packed_inference(TRAIN, INFERENCE)
    assert packed.pop("network_def") == TRAIN["network_def"]
    assert packed.pop("identical_blocks") is False  # the network refers to it
    assert packed == {name: value for name, value in INFERENCE.items() if name != "network_def"}


@pytest.mark.parametrize("method", ["unet", "densenet_small"])
def test_a_convolutional_network_is_packed_with_its_map_and_fits_its_weights(method, tmp_path):
    config = merged("sizes/tiny.yaml", f"methods/{method}.yaml", image_size=32)
    packed = packed_train(config, TRAIN)
    inference = packed_inference(packed, INFERENCE)
    for name in ("network_def", "attribution"):
        assert inference[name] == packed[name] == config[name]
    parser = ConfigParser({**inference, "bundle_path": None})
    torch.save(parser.get_parsed_content("network_def").state_dict(), tmp_path / "model.pt")
    require_fit(inference, tmp_path / "model.pt", packed_metadata(packed, METADATA, {}, 0.5))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("in_channels", 1),
        ("normalize", "none"),
        ("batch_size", 4),
        ("attribution", {"_target_": "bundle.attribution.Rollout"}),
        ("preprocessing", {"_target_": "Compose", "transforms": []}),
    ],
)
def test_what_both_know_comes_from_training(name, value):
    assert packed_inference({**TRAIN, name: value}, INFERENCE)[name] == value


@pytest.mark.parametrize(
    "name", ["dataset_dir", "output_dir", "device", "finder", "run", "initialize", "threshold", "volume_threshold"]
)
def test_what_is_shared_by_name_only_stays(name):
    assert packed_inference({**TRAIN, name: "training's"}, INFERENCE)[name] == INFERENCE[name]


def test_references_are_followed_to_their_end():
    train = {"attribution": {"_target_": "A", "weight": "$@one * 2"}, "one": "@two#part", "two": {"part": 3}, "four": 4}
    packed = packed_inference(train, {"attribution": None, "threshold": 0.5}, threshold=0.25)
    del train["four"]  # nothing refers to it
    assert packed == {**train, "threshold": 0.25}


def test_both_thresholds_are_the_run_s():
    assert packed_inference(TRAIN, INFERENCE, 0.25)["volume_threshold"] == "@threshold"
    packed = packed_inference(TRAIN, INFERENCE, 0.1 + 0.2, 0.75)
    assert thresholds(packed) == (0.1 + 0.2, 0.75)


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"threshold": 0.7}, (0.7, 0.7)), ({"volume_threshold": 0.5}, (0.25, 0.5)), ({"threshold": 0.25}, (0.25, 0.75))],
)
def test_a_threshold_that_is_given_serves_volumes_too(given, expected):
    assert thresholds({**packed_inference(TRAIN, INFERENCE, 0.25, 0.75), **given}) == expected


def thresholds(config):
    parser = ConfigParser(config)
    return tuple(parser.get_parsed_content(name) for name in ("threshold", "volume_threshold"))


def test_the_color_scale_and_the_channel_of_pictures_go_with_the_model():
    packed = packed_inference({**TRAIN, "shown_channel": 1}, INFERENCE, map_scale=[0.25, 0.75])
    assert (packed["map_scale"], packed["shown_channel"]) == ([0.25, 0.75], 1)
    assert packed_inference(TRAIN, INFERENCE)["map_scale"] is None


def test_the_smoothing_that_validation_chose_is_packed():
    chosen = {**TRAIN, "slice_smoothing": "validation"}
    assert packed_inference(chosen, INFERENCE, slice_smoothing=0.75)["slice_smoothing"] == 0.75
    assert packed_inference(chosen, INFERENCE)["slice_smoothing"] is None


def metadata_of(metrics=None, threshold=0.5, **knobs):
    return packed_metadata({**TRAIN, **knobs}, METADATA, metrics or {}, threshold)


def test_metadata_of_the_defaults():
    image = metadata_of()[DATA_FORMAT]["inputs"]["image"]
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
        (
            {"in_channels": 1, "neighbor_mm": 0, "finder": {"_target_": "F", "channels": ["flair"]}},
            {"0": "flair", "1": "flair of the slice before", "2": "flair of the slice after"},
        ),
    ],
)
def test_channels_of_metadata(knobs, expected):
    image = metadata_of(**knobs)[DATA_FORMAT]["inputs"]["image"]
    assert image["channel_def"] == expected
    assert image["num_channels"] == len(expected)


def test_metadata_of_several_classes():
    metadata = metadata_of(num_classes=3)
    pred = metadata[DATA_FORMAT]["outputs"]["pred"]
    assert pred["num_channels"] == 3
    assert pred["channel_def"] == {"0": "logit of class 0", "1": "logit of class 1", "2": "logit of class 2"}
    assert "softmax" in metadata["pred_classes"]
    assert "0 to 2" in metadata["label_classes"]


def test_intensities_that_are_not_scaled_per_slice_have_no_stated_range():
    assert metadata_of(normalize="none")[DATA_FORMAT]["inputs"]["image"]["value_range"] == []


def test_scores_without_a_value_are_left_out():
    metrics = {"slice": {"f1": 0.75, "auroc": None}, "map": {"energy_ratio": 2.0}}
    assert metadata_of(metrics)["eval_metrics"] == {"slice_f1": 0.75, "map_energy_ratio": 2.0}
    assert "0.3125" in metadata_of(threshold=0.3125)["pred_classes"]


def test_the_repository_s_metadata_is_left_alone():
    before = json.dumps(METADATA)
    metadata_of(num_classes=3)
    assert json.dumps(METADATA) == before


def test_the_packages_of_the_export_are_those_that_are_tested():
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    listed = METADATA["export_packages_version"]
    assert listed == {name: locked[name] for name in ("onnx", "onnxscript")}


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
