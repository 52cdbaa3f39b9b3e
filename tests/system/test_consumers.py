"""Demands of MONAI's own programs: properties, overrides, other lists of items, a federated client."""

import json
import zipfile

import monai.bundle
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.fl.client import MonaiAlgo
from monai.fl.utils.exchange_object import ExchangeObject
from support.bundle import DEMO, NETWORK, ROOT, TINY, TRAINING

from bundle.networks import SliceViT
from bundle.packing import pack_bundle

CONFIGS = ROOT / "configs"
KINDS = {"train": ["train.json"], "evaluate": ["train.json", "evaluate.json"], "inference": ["inference.json"]}


def workflow(*files, kind="train", **overrides):
    paths = [str(CONFIGS / file) for file in files]
    return ConfigWorkflow(paths, workflow_type=kind, logging_file=False, **overrides)


@pytest.fixture
def settings(phantoms, tmp_path):
    """Folders and sizes of a small run."""
    sizes = {**TRAINING, "max_epochs": 1}
    return {"dataset_dir": str(phantoms), "output_dir": str(tmp_path), "cache_dir": str(tmp_path / "cache"), **sizes}


@pytest.mark.parametrize("name", KINDS)
def test_no_property_is_missing(phantoms, trained, tmp_path, name):
    kind = "inference" if name == "inference" else "train"
    given = {"dataset_dir": str(phantoms), "output_dir": str(tmp_path), "bundle_root": str(ROOT), **NETWORK}
    folders = given if name == "inference" else {**given, "cache_dir": str(phantoms.parent / "cache")}
    one = workflow(*KINDS[name], DEMO, kind=kind, **folders)
    one.initialize()

    assert one.check_properties() == []
    # what exists must also resolve: hasattr alone is satisfied by a reference that leads nowhere
    assert all(getattr(one, property) is not None for property, entry in one.properties.items() if entry["required"])


def test_max_epochs_of_the_trainer_reaches_the_scheduler(settings):
    one = workflow("train.json", DEMO, TINY, **settings, **{"train#trainer#max_epochs": 7})
    one.initialize()

    assert one.parser.get_parsed_content("train#trainer").state.max_epochs == 7
    assert one.parser.get_parsed_content("lr_scheduler").T_max == 7


def test_items_of_another_program_replace_the_finder(phantoms, settings, tmp_path):
    """MONAI Label gives {"image", "label"} and an own device, and lets the network train on."""
    names = [f"phantom_{number:03d}" for number in range(6)]
    items = [
        {"image": str(phantoms / name / f"{name}_t1.nii.gz"), "label": str(phantoms / name / f"{name}_seg.nii.gz")}
        for name in names
    ]
    overrides = {
        "bundle_root": str(ROOT),
        "device": "cpu",
        "in_channels": 1,
        "dataset_dir": str(tmp_path / "nowhere"),
        "train#dataset#data": items[:4],
        "validate#dataset#data": items[4:],
        "train#trainer#max_epochs": 2,
        "max_epochs": 2,
    }

    monai.bundle.run(config_file=str(CONFIGS / "train.json"), logging_file=False, **{**settings, **overrides})

    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["progress"]["epoch"] == 2
    with zipfile.ZipFile(pack_bundle(tmp_path, tmp_path / "lgm_vit.zip")) as archive:
        packed = json.loads(archive.read("lgm_vit/configs/train.json"))
    assert (packed["in_channels"], packed["bundle_root"]) == (1, "$@own_folder or '.'")
    assert [packed[part]["dataset"]["data"] for part in ("train", "validate")] == ["$@split.train", "$@split.val"]


def test_a_checkpoint_loader_before_all_handlers_starts_from_the_weights_that_are_there(phantoms, settings, tmp_path):
    """MONAI Label inserts it where the bundle has a model.pt, and gives its own cases, device and epochs."""
    model = tmp_path / "models/model.pt"
    model.parent.mkdir()
    shipped = SliceViT(**NETWORK)
    torch.save(shipped.state_dict(), model)
    names = [f"phantom_{number:03d}" for number in range(6)]
    images = {
        name: [str(phantoms / name / f"{name}_{kind}.nii.gz") for kind in ("t1", "t2", "flair")] for name in names
    }
    items = [{"image": images[name], "label": str(phantoms / name / f"{name}_seg.nii.gz")} for name in names]
    handlers = ConfigParser.load_config_file(CONFIGS / "train.json")["train"]["handlers"]
    load = {"model": "$@network"}
    handlers.insert(0, {"_target_": "CheckpointLoader", "load_path": str(model), "load_dict": load, "strict": False})
    overrides = {
        "bundle_root": str(ROOT),
        "device": "cpu",
        "learning_rate": 1e-30,  # keeps the weights
        "min_learning_rate": 0.0,
        "train#trainer#max_epochs": 1,
        "train#dataset#data": items[:4],
        "validate#dataset#data": items[4:],
        "train#handlers": handlers,
    }
    one = workflow("train.json", **{**settings, **overrides})
    one.initialize()
    assert one.check_properties() == []
    one.run()

    trained = torch.load(tmp_path / "model.pt", weights_only=True)
    for name, weight in shipped.named_parameters():
        torch.testing.assert_close(trained[name], weight.detach(), rtol=0, atol=1e-20)
    assert "localization_loss" in one.trainer.state.metrics


def test_a_federated_client_trains_two_rounds(settings):
    """At the constant rate that docs/README.md advises: a cosine of one epoch would be at its end every other round."""
    training = {**client_settings(settings), "min_learning_rate": "@learning_rate"}
    client = MonaiAlgo(str(ROOT), train_kwargs=training, eval_kwargs=client_settings(settings))
    client.config_train_filename = ["configs/train.json", f"configs/{DEMO}"]
    client.config_evaluate_filename = ["configs/train.json", f"configs/{DEMO}", "configs/evaluate.json"]
    client.send_weight_diff = False
    client.initialize()
    (group,) = client.trainer.optimizer.param_groups
    rate = group["lr"]
    start = {name: weight.clone() for name, weight in client.get_weights().weights.items()}

    client.train(ExchangeObject(weights={name: weight.numpy() for name, weight in start.items()}))
    assert group["lr"] == rate
    client.train(
        ExchangeObject(weights={name: weight.numpy() for name, weight in client.get_weights().weights.items()})
    )

    trained = client.get_weights()
    assert client.trainer.state.epoch == 2
    assert group["lr"] == rate
    assert trained.weights.keys() == start.keys() == client.train_workflow.network_def.state_dict().keys()
    assert any(not torch.equal(trained.weights[name], start[name]) for name in start)
    assert trained.statistics["num_executed_iterations"] > 0

    metrics = client.evaluate(ExchangeObject(weights=trained.weights)).metrics
    assert 0 <= metrics["accuracy"] <= 1
    client.finalize()


def client_settings(settings):
    """Return settings without the number of epochs, which the client decides."""
    return {name: value for name, value in settings.items() if name != "max_epochs"}
