"""A network of an earlier run draws masks."""

import json
import pickle

import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser, ConfigWorkflow
from support.bundle import tiny_bundle
from support.datasets import LAYOUTS

from bundle.networks import load_weights
from bundle.workflow import Teacher
from bundle.workflow.knobs import knobs

DEMO, RECIPE = "datasets/demo", "methods/recommended"
SIZE = {"image_size": 32, "hidden_size": 32}


@pytest.fixture
def trained(tmp_path):
    """Train with the masks of two cases in a folder, as `python -m monai.bundle run` leaves it."""

    def train(*overlays, **knobs):
        if not (tmp_path / "data").exists():
            LAYOUTS["demo"](tmp_path / "data")
        parser = tiny_bundle("train", [DEMO, *overlays], tmp_path, supervised_cases=2, **{**SIZE, **knobs})
        parser.get_parsed_content("train#trainer").run()
        (tmp_path / "run/config.json").write_text(json.dumps(parser.get()))
        return parser

    return train


def test_the_pupil_starts_from_the_weights_that_it_would_have_without(trained, tmp_path):
    trained(RECIPE, hidden_size=48)
    (tmp_path / "run").rename(tmp_path / "first")
    starts = []
    for teacher in (None, str(tmp_path / "first/model.pt")):
        torch.manual_seed(3)
        parser = tiny_bundle("train", [DEMO, RECIPE], tmp_path, supervised_cases=2, **SIZE, teacher=teacher)
        parser.get_parsed_content("train#dataloader")
        starts.append(parser.get_parsed_content("network").state_dict())
    assert all(torch.equal(starts[0][name], value) for name, value in starts[1].items())


def test_a_teacher_whose_run_has_not_ended_is_refused(trained, tmp_path):
    trained(RECIPE)
    (tmp_path / "run/run.json").write_text("{}")
    with pytest.raises(ValueError, match=r"run/model\.pt must be the weights of a run that has ended, got those of an"):
        Teacher(tmp_path / "run/model.pt")(torch.rand(1, 2, 32, 32))


def test_a_loading_process_gets_no_network(trained, tmp_path):
    channels = trained(RECIPE).get_parsed_content("in_channels")
    teacher = Teacher(tmp_path / "run/model.pt")
    teacher(torch.rand(1, channels, 32, 32))
    assert len(pickle.dumps(teacher)) < 1000


@pytest.mark.parametrize("method", [RECIPE, "methods/unet"])
def test_the_mask_is_where_the_network_finds_it_likelier_than_not(method, trained, tmp_path):
    parser = trained(method)
    network = parser.get_parsed_content("network").eval()
    load_weights(network, tmp_path / "run/model.pt")
    images = torch.rand(3, parser.get_parsed_content("in_channels"), 32, 32)
    found = Teacher(tmp_path / "run/model.pt")(images)
    logits = network.forward_evidence(images).mask_logits
    expected = torch.nn.functional.interpolate(logits.sigmoid(), (32, 32), mode="bilinear")
    assert (found.shape, found.dtype) == ((3, 1, 32, 32), torch.uint8)
    assert torch.equal(found > 0, expected >= 0.5)


def test_a_network_without_a_mask_is_refused(trained, tmp_path):
    channels = trained().get_parsed_content("in_channels")
    with pytest.raises(ValueError, match=r"run/model\.pt must be of a network that predicts masks, got one that"):
        Teacher(tmp_path / "run/model.pt")(torch.rand(1, channels, 32, 32))


def test_a_second_training_learns_from_the_masks_of_the_first(trained, tmp_path, caplog):
    trained(RECIPE)
    (tmp_path / "run").rename(tmp_path / "first")
    caplog.set_level("INFO")
    second = trained(RECIPE, teacher=str(tmp_path / "first/model.pt"), seed=1)
    dataset = second.get_parsed_content("train#dataset")
    assert dataset.masks.own.sum() == 2
    assert dataset.supervised.all()
    assert f"{tmp_path}/first/model.pt draws masks for the positive slices without one." in caplog.text
    assert f"the teacher draws the masks of {len(dataset.cases) - 2} training cases: it finds" in caplog.text


def test_a_teacher_that_was_trained_on_validation_cases_is_refused(trained, tmp_path):
    held_out = trained(RECIPE).get_parsed_content("split").case_ids["val"]
    (tmp_path / "run").rename(tmp_path / "first")
    (tmp_path / "first/split.json").write_text(json.dumps({"train": held_out, "val": [], "test": []}))
    with pytest.raises(RuntimeError) as told:
        trained(RECIPE, teacher=str(tmp_path / "first/model.pt"))
    assert f"first/model.pt must come from a training without the {len(held_out)} cases" in str(told.value.__cause__)


def test_a_program_is_refused_a_teacher_that_knows_other_slices(trained, tmp_path):
    trained(RECIPE)
    (tmp_path / "run").rename(tmp_path / "first")
    record = json.loads((tmp_path / "first/config.json").read_text())
    (tmp_path / "first/config.json").write_text(json.dumps({**record, "normalize": "volume"}))
    files = [str(ROOT / "configs" / name) for name in ("train.json", f"{DEMO}.yaml", f"{RECIPE}.yaml")]
    asked = {name: record[name] for name in ConfigParser.load_config_file(files[0]) if name in knobs()}
    asked |= {"bundle_root": str(ROOT), "teacher": str(tmp_path / "first/model.pt"), "normalize": "slice"}
    program = ConfigWorkflow(files, workflow_type="train", logging_file=False, **asked)
    program.initialize()
    with pytest.raises(RuntimeError) as told:
        program.run()
    assert "slices of the same form, got others (normalize 'volume', here 'slice')" in str(told.value.__cause__)
