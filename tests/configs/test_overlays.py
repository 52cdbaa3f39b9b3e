"""Every file of configs/ that is put over a base config: it parses, passes the guard, and its objects can be made."""

import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser
from support.bundle import tiny_bundle
from support.datasets import demo

from bundle.transforms import scaled_kernel_size
from bundle.workflow import refuse_unknown_overrides

FILES = sorted((ROOT / "configs").glob("*/*.yaml"))
OVERLAYS = [f"{path.parent.name}/{path.stem}" for path in FILES if path.parent.name != "experiments"]
METHODS = [name for name in OVERLAYS if name.startswith("methods/")]
CONVOLUTIONAL = [
    name for name in METHODS if "network_def" in ConfigParser.load_config_file(ROOT / f"configs/{name}.yaml")
]
PREDICTS_A_MASK = ("methods/unet", "methods/recommended")
OF_THE_VIT = [name for name in METHODS if name not in CONVOLUTIONAL]
ATTRIBUTIONS = [name for name in OVERLAYS if name.startswith("attributions/")]
BEYOND = [name for name in OVERLAYS if name.startswith(("beyond/", "augmentation/"))]
DATASETS = [name for name in OVERLAYS if name.startswith("datasets/")]
MADE = ["finder", "preprocessing", "case_to_slices", "check", "attribution", "localization_loss", "augmentation"]


@pytest.mark.parametrize("base", ["train", "inference"])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_guard_and_base_take_the_overlay(base, overlay, tmp_path, recwarn):
    files = [str(ROOT / f"configs/{name}") for name in (f"{base}.json", f"{overlay}.yaml")]
    program = "/lib/monai/bundle/__main__.py"
    assert refuse_unknown_overrides([program, "run", "--config_file", str(files)]) is None
    parser = tiny_bundle(base, [overlay], tmp_path)
    # MONAI only warns where an overlay appends to something that is not there
    assert not [warning for warning in recwarn if "merge" in str(warning.message)]
    for name in MADE:
        if name in parser:
            parser.get_parsed_content(name)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_says_what_it_is_for_and_why_each_value(overlay):
    first, *lines = (ROOT / f"configs/{overlay}.yaml").read_text().splitlines()
    assert first.startswith("# ")
    assert max(map(len, lines)) <= 120
    values = [line.strip(" -") for line in lines if not line.endswith(":")]
    assert [line for line in values if " # " not in f" {line}" and not line.startswith(("_target_", "keys"))] == []


@pytest.mark.parametrize("size", [name for name in OVERLAYS if name.startswith("sizes/")])
def test_a_size_fits_itself(size):
    knobs = ConfigParser.load_config_file(ROOT / f"configs/{size}.yaml")
    assert knobs["image_size"] % knobs["patch_size"] == 0
    assert knobs["hidden_size"] % (4 * knobs["num_heads"]) == 0
    assert knobs["smoothing_kernel"] == scaled_kernel_size(knobs["image_size"])
    assert knobs["min_learning_rate"] == pytest.approx(knobs["learning_rate"] / 100)


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_method_and_map_parses_and_can_be_made_with_every_data_set(dataset, tmp_path, recwarn):
    for method in METHODS:
        for attribution in ATTRIBUTIONS:
            parser = tiny_bundle("train", [dataset, method, attribution], tmp_path)
            for name in MADE:
                parser.get_parsed_content(name)
            found = parser.get_parsed_content("attribution")
            assert type(found).__name__.lower() == attribution.split("/")[1].replace("_", "")
    assert not [warning for warning in recwarn if "merge" in str(warning.message)]


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory):
    """One small data set and one slice store for all."""
    folder = tmp_path_factory.mktemp("demo")
    demo(folder / "data")
    return folder


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("method", OF_THE_VIT)
def test_every_method_trains_with_every_map(method, attribution, demo_folder):
    knobs = {"split_fractions": [1.0, 0.0, 0.0], "learning_rate": 1e-3, "batch_size": 20, "batch_order": "shuffle"}
    parser = tiny_bundle("train", ["datasets/demo", method, attribution], demo_folder, **knobs)
    handlers = ["EvidenceSplit", "LocalizationLoss"]
    chosen = [item for item in parser["train#handlers"] if item["_target_"].split(".")[-1] in handlers]
    parser["train#handlers"] = chosen  # a step, no validation and no files
    network = parser.get_parsed_content("network")
    weight = parser.get_parsed_content("localization_weight")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trainer = parser.get_parsed_content("train#trainer")
    trainer.run()
    output = trainer.state.output
    assert output["loss"].isfinite()
    assert ("localization_loss" in output) == (weight > 0)
    assert not all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    if weight:
        expected = output["classification_loss"] + weight * output["localization_loss"]
        torch.testing.assert_close(output["loss"].detach(), expected)
        # a fresh network looks nearly the same everywhere, and a constant map is none: GradMask finds nothing to punish
        assert output["localization_loss"] > 0 or method == "methods/gradmask"


@pytest.mark.parametrize(("first", "last", "expected"), [(0, None, False), (0, 0, False), (0, 5, True), (5, 0, True)])
def test_a_weight_that_rises_from_0_or_falls_to_it_supervises(first, last, expected, demo_folder):
    weights = {"localization_weight": first, "final_localization_weight": last}
    parser = tiny_bundle("train", ["datasets/demo"], demo_folder, **weights)
    names = [type(handler).__name__ for handler in parser.get_parsed_content("train#handlers")]
    assert [name in names for name in ("EvidenceSplit", "LocalizationLoss")] == [expected] * 2
    assert "SegmentationLoss" not in names
    assert (type(parser.get_parsed_content("training_network")).__name__ == "WithEvidence") == expected


@pytest.mark.parametrize("overlay", BEYOND)
def test_what_is_beyond_the_paper_trains_and_keeps_what_it_validated(overlay, tmp_path):
    demo(tmp_path / "data")
    training = tiny_bundle("train", ["datasets/demo", "methods/lgmvit", overlay], tmp_path, num_layers=3)
    network, kept = (training.get_parsed_content(name) for name in ("network", "kept_network"))
    training.get_parsed_content("train#trainer").run()
    assert training.get_parsed_content("validate#evaluator").network is kept
    assert (kept is network) == (overlay != "beyond/ema")
    saved = torch.load(tmp_path / "run/model.pt", weights_only=True)
    assert saved.keys() == network.state_dict().keys()
    assert all(torch.equal(value, saved[name]) for name, value in kept.state_dict().items())


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_its_map_is_seen_in_inference(method, tmp_path):
    demo(tmp_path / "data")
    overlays, size = ["datasets/demo", method], {"image_size": 32} if method in CONVOLUTIONAL else {}
    training = tiny_bundle("train", overlays, tmp_path, learning_rate=1e-3, **size)
    learned = training.get_parsed_content("localization_loss").state_dict()
    start = {name: value.clone() for name, value in learned.items()}
    trainer = training.get_parsed_content("train#trainer")
    outputs = []
    trainer.add_event_handler("ITERATION_COMPLETED", lambda engine: outputs.append(engine.state.output))
    trainer.run()
    weight = training.get_parsed_content("localization_weight")
    assert all(("localization_loss" in output) == (weight > 0) for output in outputs)
    assert all(("segmentation_loss" in output) == (method in PREDICTS_A_MASK) for output in outputs)
    for output in outputs:
        expected = output.get("classification_loss", output["loss"]) + weight * output.get("localization_loss", 0)
        expected = expected + output.get("segmentation_loss", 0)  # its weight is 1
        torch.testing.assert_close(output["loss"], expected)
        assert output["loss"].isfinite()
    assert all(not torch.equal(start[name], value) for name, value in learned.items())
    assert (method == "methods/res_l") == bool(learned)

    inference = tiny_bundle("inference", overlays, tmp_path, **size)
    inference.get_parsed_content("evaluator").run()
    assert inference.get_parsed_content("dataset").failures == {}
    assert type(inference.get_parsed_content("attribution")) is type(training.get_parsed_content("attribution"))
