"""Three sites and a server in one process: weights and numbers go to and fro, nothing else; the result packs."""

import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bundle.consumers.fl import FederationPlan, Site, federated_network, federated_run
from bundle.consumers.fl.federate import take_turns
from bundle.consumers.fl.nvflare_client import NUMBERS, take_part
from bundle.evaluation import read_predictions
from bundle.files import read_json
from bundle.metrics import best_f1_threshold, slice_scores
from bundle.networks import read_weights
from bundle.packing import TrainedRun, pack_bundle


@pytest.fixture(scope="module")
def done(write_plan, tmp_path_factory):
    """A finished federation: its plan, folder and messages."""
    folder = tmp_path_factory.mktemp("federation")
    plan = FederationPlan.read(write_plan(folder))
    messages = [(place // 3, *message) for place, message in enumerate(take_turns(plan, folder))]
    federated_run(plan, folder / "server", folder / "run")
    return plan, folder, messages


class Flare:
    """The part of `nvflare.client` that the client script calls: three rounds, the last of which scores."""

    FLModel = SimpleNamespace

    def __init__(self, weights, position):
        asked = {"params": weights, "total_rounds": 3, "meta": {"position": position}}
        self.rounds = [SimpleNamespace(current_round=number, **asked) for number in (1, 2)]
        self.sent = []

    def is_running(self):
        return True

    def receive(self):
        return self.rounds.pop(0) if self.rounds else None

    def send(self, model):
        self.sent.append(model)


def test_the_client_script_trains_and_scores_last(done, tmp_path):
    plan, folder, _ = done
    site = Site(plan, "C", tmp_path)
    position = read_json(folder / "server/federation.json")["counts"]["A"]["position"]
    flare = Flare(federated_network(plan).state_dict(), position)
    take_part(site, flare)
    trained, scored = (model.meta[NUMBERS] for model in flare.sent)
    assert trained["slices"] > 0 == scored["slices"]
    assert set(trained["scores"]) == {"auroc", "average_precision"}
    assert {"test_slices", "validation_volumes"} <= set(scored["counts"])
    assert all(isinstance(value, torch.Tensor) for model in flare.sent for value in model.params.values())


def cases_of(folder):
    return [case for site in "ABC" for part in read_json(folder / site / "split.json").values() for case in part]


def test_weights_and_numbers_leave_and_no_name_of_a_case(done):
    _, folder, messages = done
    network = federated_network(done[0]).state_dict()
    cases = cases_of(folder)
    assert len(cases) == 15
    for _, _, update in messages:
        assert set(vars(update)) - {"weights"} == set(update.numbers())
        assert all(
            network[name].shape == tensor.shape and tensor.is_floating_point()
            for name, tensor in update.weights.items()
        )
        text = json.dumps(update.numbers())  # keys are words of the bundle, the rest numbers
        assert not any(case in text or case[-3:] in text.split('"') for case in cases)
        assert str(folder) not in text
    server = [path for path in (folder / "server").rglob("*") if path.is_file()]
    assert len(server) == 2
    assert not any(case.encode() in path.read_bytes() for case in cases for path in server)


def test_the_average_is_that_of_the_slices(done):
    _, folder, messages = done
    last = [update for number, _, update in messages if number == 1]
    name = next(iter(last[0].weights))
    expected = np.average([update.weights[name] for update in last], axis=0, weights=[update.slices for update in last])
    found = read_weights(folder / "run/model.pt")
    np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-7)
    assert {value.dtype for key, value in found.items() if "num_batches" in key} == {torch.int64}


def test_masks_supervise_where_there_are_masks(done):
    supervised = {name: update.supervised for number, name, update in done[2] if number == 0}
    assert supervised["A"] > 0
    assert supervised["C"] == 0
    assert all(update.slices > 0 for number, _, update in done[2] if number < 2)


def test_thresholds_are_those_of_all_validation_slices(done):
    _, folder, _ = done
    metrics = read_json(folder / "run/metrics.json")
    tables = {
        part: [read_predictions(folder / site / f"{part}predictions.csv") for site in "ABC"]
        for part in ("validation_", "")
    }
    validation, test = (
        [np.concatenate([getattr(each, column) for each in tables[part]]) for column in ("label", "probability")]
        for part in ("validation_", "")
    )
    assert metrics["threshold"] == pytest.approx(best_f1_threshold(*validation, beta=2.0), abs=0.001)
    assert (metrics["threshold_is_expected"], metrics["threshold_beta"]) == (False, 2.0)
    exact = slice_scores(*test, metrics["threshold"])
    assert metrics["slice"]["f1"] == pytest.approx(exact["f1"])
    assert metrics["slice"]["auroc"] == pytest.approx(exact["auroc"], abs=0.02)  # ties within a thousandth
    assert metrics["n"]["slices"] == len(test[0])
    own = {site: read_json(folder / site / "metrics.json") for site in "ABC"}
    assert {site: scores["threshold"] for site, scores in metrics["sites"].items()} == {
        site: pytest.approx(scores["threshold"]) for site, scores in own.items()
    }
    assert all(scores["slice_position"] == metrics["slice_position"] for scores in own.values())


@pytest.mark.parametrize("name", ["run", "A"])
def test_the_result_packs_like_any_run(done, tmp_path, name):
    run = TrainedRun.read(done[1] / name)
    archive = pack_bundle(run.folder, tmp_path / "lgm_vit.zip")
    with zipfile.ZipFile(archive) as file:
        inference, card = (
            file.read(f"lgm_vit/{part}").decode() for part in ("configs/inference.json", "docs/README.md")
        )
    assert json.loads(inference)["threshold"] == run.metrics["threshold"]
    assert "slices | this model" in card
    assert not any(case in inference + card for case in cases_of(done[1]))


def test_statistics_of_the_patch_norm_can_stay(write_plan, tmp_path):
    sites = {"A": {}, "B": {}}
    plan = FederationPlan.read(write_plan(tmp_path, sites, rounds=1, patch_norm_statistics="local"))
    plan = FederationPlan(**{**vars(plan), "sites": {name: plan.sites[name] for name in sites}})
    messages = take_turns(plan, tmp_path)
    assert not any("running" in name for _, update in messages for name in update.weights)
    own, other = (read_weights(tmp_path / site / "model.pt") for site in sites)
    differing = {name.rpartition(".")[2] for name in own if not torch.equal(own[name], other[name])}
    assert {"running_mean", "running_var"} <= differing <= {"running_mean", "running_var", "num_batches_tracked"}
    pack_bundle(tmp_path / "A", tmp_path / "lgm_vit.zip")
    with pytest.raises(ValueError, match="every site packs the run in its own folder"):
        federated_run(plan, tmp_path / "server", tmp_path / "run")
