"""What is wrong with a plan, a site's data or a message is said once, before it is silently wrong."""

import logging
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest
import torch
from support.bundle import refused

from bundle.consumers.fl import (
    FederatedAverage,
    FederationPlan,
    Site,
    SiteUpdate,
    federate,
    federated_network,
)
from bundle.consumers.fl.counts import pooled_metrics
from bundle.consumers.fl.own_log import SiteError, error_of, kept_at_site


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"rounds": 0}, "rounds must be a whole number from 1"),
        ({"patch_norm_statistics": "mine"}, "must be one of average, local"),
        ({"pace": 3}, "got pace"),
        ({"own": {"A": {"normalize": "none"}}}, "sites#A#normalize must be the same at every site"),
        ({"own": {"A": {"dataset_dirr": "x"}}}, "sites#A#dataset_dirr"),
        ({"config_file": []}, "config_file and sites must name something"),
    ],
)
def test_a_plan(write_plan, tmp_path, entries, message):
    with pytest.raises(ValueError, match=message):
        FederationPlan.read(write_plan(tmp_path, **entries))


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"lerning_rate": 1.0}, "did you mean 'learning_rate'"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"ema_momentum": 0.01}, "ema_momentum must be null"),
        ({"ema_momentum": 0}, "ema_momentum must be null"),
        ({"initial_weights": "model.pt"}, "initial_weights must be null"),
        ({"teacher": "model.pt"}, "teacher must be null"),
        ({"self_training": 2}, "self_training must be null"),
        ({"slice_smoothing": "validation"}, "slice_smoothing must be a number"),
        ({"num_classes": 3}, "num_classes must be 1"),
    ],
)
def test_settings_of_all_sites(write_plan, tmp_path, knobs, message):
    with pytest.raises(ValueError, match=message):
        federate(write_plan(tmp_path, knobs=knobs), tmp_path)


def test_the_recipe_draws_no_masks_in_a_federation(write_plan, tmp_path):
    files = ["configs/train.json", "configs/sizes/tiny.yaml", "configs/methods/recommended.yaml"]
    assert FederationPlan.read(write_plan(tmp_path, config_file=files)).config()["self_training"] == 0


def test_files_that_are_absent(tmp_path, write_plan):
    with pytest.raises(FileNotFoundError, match="must be the plan of a federation"):
        FederationPlan.read(tmp_path / "no.yaml")
    (tmp_path / "plan.yaml").write_text("rounds: 3\n")
    with pytest.raises(ValueError, match="got no config_file"):
        FederationPlan.read(tmp_path / "plan.yaml")
    (tmp_path / "plan.yaml").write_text("")
    with pytest.raises(ValueError, match="no entries at all"):
        FederationPlan.read(tmp_path / "plan.yaml")
    with pytest.raises(FileNotFoundError, match=r"must hold one federation\.json, got 0"):
        federate(write_plan(tmp_path), tmp_path, how="result")


def test_a_site_with_other_channels(write_plan, tmp_path):
    plan = FederationPlan.read(write_plan(tmp_path, {"B": {"finder#channels": ["t1", "t2"]}}))
    with refused("must make 3 channels .* got 2"):
        Site(plan, "B", tmp_path / "B")


def test_weights_of_another_network(write_plan, tmp_path):
    plan = FederationPlan.read(write_plan(tmp_path))
    other = FederationPlan.read(write_plan(tmp_path, knobs={"in_channels": 1}))
    site = Site(plan, "A", tmp_path / "A")
    with pytest.raises(ValueError, match=r"must be of this site's network, got others .*in_channels"):
        site.train(federated_network(other).state_dict())
    with pytest.raises(ValueError, match="the server must send all weights"):
        site.train({})


def test_a_loss_that_learns_would_not_be_averaged(write_plan, tmp_path):
    loss = {"_target_": "bundle.losses.RESLoss", "imputation": "learned", "patch_size": 8, "in_channels": 3}
    plan = FederationPlan.read(write_plan(tmp_path, knobs={"localization_loss": loss}))
    with pytest.raises(ValueError, match="localization_loss must learn nothing"):
        Site(plan, "A", tmp_path / "A")


def test_a_folder_that_holds_a_federation(write_plan, tmp_path):
    (tmp_path / "server").mkdir()
    with pytest.raises(ValueError, match="must be a new folder"):
        federate(write_plan(tmp_path), tmp_path)


def test_a_threshold_that_was_fixed_before():
    metrics = pooled_metrics({}, threshold=0.7)
    assert (metrics["threshold"], metrics["volume"]["max"]["threshold"], metrics["threshold_from"]) == (
        0.7,
        0.7,
        "given",
    )
    assert pooled_metrics({})["threshold_from"] == "default"


def test_start_weights_are_those_of_the_file(write_plan, tmp_path):
    plan = FederationPlan.read(write_plan(tmp_path))
    state = federated_network(plan).state_dict()
    torch.save(
        {name: value + 1 if value.is_floating_point() else value for name, value in state.items()}, tmp_path / "m.pt"
    )
    begun = federated_network(FederationPlan.read(write_plan(tmp_path, initial_weights="m.pt"))).state_dict()
    assert all(torch.equal(begun[name], value + 1) for name, value in state.items() if value.is_floating_point())


W = {"w": torch.zeros(1)}


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        ({"A": SiteUpdate(W, 1)}, "must have an update of every site, got none of B"),
        ({"A": SiteUpdate(W, 1, agreement=1), "B": SiteUpdate(W, 1, agreement=2)}, "B must have the settings of A"),
        ({"A": SiteUpdate(W, 1), "B": SiteUpdate({}, 1)}, "B must have the network of A"),
        ({"A": SiteUpdate(W), "B": SiteUpdate(W)}, "a site with labeled slices, got none"),
    ],
)
def test_a_round_that_is_none(updates, message):
    average = FederatedAverage(["A", "B"])
    for site, update in updates.items():
        average.add(site, update)
    with pytest.raises(ValueError, match=message):
        average.weights(0)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (SiteUpdate({"scan": torch.zeros(1)}), "weights must be floating ones of the network"),
        (SiteUpdate({"w": torch.zeros(1, dtype=torch.int64)}), "weights must be floating ones"),
        (SiteUpdate({"w": torch.full((1,), torch.nan)}), "NaN or infinity in w"),
        (SiteUpdate(W, counts={"phantom_007": [[1]]}), "a strange one in counts"),
        (SiteUpdate(W, counts={"position": [["phantom_007"]]}), "got a str"),
        (SiteUpdate(W, scores={"auroc": "phantom_007"}), "got a str"),
    ],
)
def test_a_message_that_says_more_than_numbers_stays(update, message):
    with pytest.raises(ValueError, match=message) as caught:
        update.require_numbers(W)
    assert "007" not in str(caught.value)


def test_an_error_and_what_is_logged_stay_at_the_site(tmp_path, caplog):
    def fail():
        logging.getLogger("bundle.data").warning("case phantom_007 has an empty mask")
        try:
            raise FileNotFoundError("data/phantom_007 must hold flair")
        except FileNotFoundError as error:
            raise RuntimeError("cannot instantiate") from error

    with pytest.raises(SiteError) as caught, kept_at_site(tmp_path):
        fail()
    assert "007" not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert error_of(tmp_path) == "FileNotFoundError: data/phantom_007 must hold flair"
    assert "phantom_007 has an empty mask" in (tmp_path / "site.log").read_text()
    with kept_at_site(tmp_path):
        pass
    assert error_of(tmp_path) == ""


def test_without_nvflare_the_command_says_what_to_install(write_plan, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bundle.consumers.fl.nvflare_job", None)
    with pytest.raises(ImportError, match="pip install 'nvflare"):
        federate(write_plan(tmp_path), tmp_path)


def fake_nvflare(monkeypatch, simulate):
    """Stand in for the module that imports NVFlare; return the names of what was called."""
    called = []
    job = SimpleNamespace(write_job=lambda plan, folder: called.append("job"), simulate=simulate)
    monkeypatch.setitem(sys.modules, "bundle.consumers.fl.nvflare_job", job)
    monkeypatch.setattr("bundle.consumers.fl.nvflare_job", job, raising=False)
    return called


def test_the_reason_of_the_site_that_failed_is_told(write_plan, tmp_path, monkeypatch):
    def simulate(plan, plan_file, folder):
        for site, reason in {"B": "x/phantom_1 must hold flair", "C": "request to abort the job for reason"}.items():
            with suppress(SiteError), kept_at_site(folder / site):
                raise ValueError(reason)
        raise RuntimeError("Simulation failed with return code 2.")

    fake_nvflare(monkeypatch, simulate)
    with pytest.raises(RuntimeError) as caught:
        federate(write_plan(tmp_path), tmp_path / "run")
    assert str(caught.value).startswith("B: ValueError: x/phantom_1 must hold flair (more in ")
    assert "C:" not in str(caught.value)


def test_a_job_is_written_and_local_statistics_leave_no_common_run(write_plan, tmp_path, monkeypatch):
    called = fake_nvflare(monkeypatch, lambda plan, plan_file, folder: None)
    assert "job" in federate(write_plan(tmp_path), tmp_path / "run", "job")
    assert called == ["job"]
    plan = write_plan(tmp_path, patch_norm_statistics="local")
    assert federate(plan, tmp_path / "run").startswith("Every site has a run of its own")
