"""Simulated labeling: who is labeled when, what is kept on disk, and the numbers of its report."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from scipy import stats
from support.bundle import NETWORK
from support.datasets import demo

from bundle.data import Split
from bundle.experiments import Labeling, labeling, simulate_labeling
from bundle.experiments.labeling import LabelingPath
from bundle.experiments.labeling_report import labeling_curves, labeling_table, labels_needed, target_score
from bundle.experiments.labeling_training import Setup, train_and_predict
from bundle.metrics import Predictions

POOL = [f"p{number}" for number in range(10)]
TEST = ["t0", "t1"]


def items(names):
    return [{"case": name, "patient": name, "image": f"{name}.nii", "site": "A"} for name in names]


def plan(**changed):
    fixed = {"base": [], "settings": {}, "seeds": [0], "step": {"train": 1, "validation": 1}, "optimizer_steps": 1}
    return Labeling("t", **{**fixed, **changed})


@pytest.fixture
def trainings(monkeypatch):
    """Replace the training: the higher the number of a patient, the less certain its slices; note what it got."""
    given = []

    def predict(setup, settings, train, others, steps):
        given.append((settings["seed"], [item["patient"] for item in train], [item["patient"] for item in others]))
        patient = np.repeat([item["patient"] for item in others], 4)
        certain = np.repeat([0.5 - int(item["patient"][1:]) / 20 for item in others], 4)
        label = np.tile([0, 0, 1, 1], len(others))
        probability = np.where(label > 0, 0.5 + certain, 0.5 - certain)
        return Predictions(patient, patient, patient, np.tile(np.arange(4), len(others)), label, probability)

    monkeypatch.setattr(labeling, "train_and_predict", predict)
    return given


def path(strategy, folder, seed=0):
    return LabelingPath(plan(), strategy, seed, Split(items(POOL), [], items(TEST)), Setup([], folder, folder), folder)


def test_each_round_labels_one_step_more_until_all_are(trainings, tmp_path):
    rounds = list(path("random", tmp_path).rounds())
    assert [(len(made["train"]), len(made["validation"])) for made in rounds] == [(n, n) for n in range(1, 6)]
    for before, after in pairwise(rounds):
        for part in ("train", "validation"):
            assert set(before[part]) < set(after[part])
    everything = rounds[-1]
    assert sorted(everything["train"] + everything["validation"]) == POOL
    assert set(everything["train"]).isdisjoint(everything["validation"])
    for _, train, others in trainings:
        assert set(train).isdisjoint(others)
        assert set(TEST) <= set(others)


def test_the_uncertain_come_first_and_the_start_is_that_of_random_choice(trainings, tmp_path):
    random, uncertain = (list(path(name, tmp_path).rounds()) for name in ("random", "uncertain"))
    assert random[0] == uncertain[0]
    assert random[-1] == uncertain[-1]
    would_train, would_validate = plan().order(items(POOL), seed=0)
    for part, order in (("train", would_train), ("validation", would_validate)):
        chosen = [next(iter(set(b[part]) - set(a[part]))) for a, b in pairwise(uncertain)]
        assert chosen == sorted(order[1:], key=lambda name: -int(name[1:]))


def test_a_round_on_disk_is_not_trained_again_and_shared_by_strategies(trainings, tmp_path):
    list(path("random", tmp_path).rounds())
    assert len(trainings) == 5
    list(path("random", tmp_path).rounds())
    assert len(trainings) == 5
    list(path("uncertain", tmp_path).rounds())
    assert len(trainings) <= 8  # the first and the last are those of random choice
    next(iter(path("random", tmp_path / "other", seed=1).rounds()))
    assert trainings[-1][0] == 1


def test_only_validation_patients_fit_the_calibration(monkeypatch, trainings, tmp_path):
    fitted_to = []
    monkeypatch.setattr(labeling, "fitted", lambda slices, start: fitted_to.append(set(slices.patient)) or start)
    made = next(iter(path("uncertain", tmp_path).rounds()))
    assert fitted_to == [set(made["validation"])]


def test_files_of_plans_are_read_and_unknown_entries_refused(tmp_path):
    found = Labeling.read(ROOT / "configs/experiments/labeling_lgg.yaml")
    assert found.name == "labeling_lgg"
    assert [name for name in found.base if not (ROOT / name).is_file()] == []
    found.require_sound()
    file = tmp_path / "plan.yaml"
    file.write_text("base: []\nstep: {train: 1}\nseeds: [0]\nsteps: 3\n")
    with pytest.raises(
        ValueError, match=r"plan\.yaml: entries must be .*, check \['optimizer_steps', 'settings', 'steps'\]"
    ):
        Labeling.read(file)
    file.write_text("base: []\nstep: {train: 1}\nseeds: [0]\nsettings: {}\noptimizer_steps: 3\n")
    with pytest.raises(ValueError, match=r"step must be \{train: n, validation: m\}, both at least 1"):
        Labeling.read(file)


ROUNDS = pd.DataFrame(
    [
        {"seed": seed, "strategy": strategy, "labeled": labeled, "auroc": auroc, "average_precision": 0.5}
        for seed in (0, 1)
        for strategy, scores in (("random", [0.6, 0.7, 0.8, 0.9]), ("uncertain", [0.6, 0.8 + seed / 10, 0.8, 0.9]))
        for labeled, auroc in zip((5, 10, 15, 20), scores, strict=True)
    ]
)


def test_the_target_counts_the_last_round_of_each_seed_once():
    uneven = ROUNDS.copy()
    uneven.loc[(uneven.seed == 1) & (uneven.labeled == 20), "auroc"] = 0.8
    assert target_score(uneven, 0.01) == pytest.approx(0.84)


def test_needed_labels_are_those_of_the_first_crossing():
    assert labels_needed([5, 10, 15], [0.1, 0.9, 0.2], 0.5) == 10
    assert labels_needed([5, 10, 15], [0.1, 0.2, 0.3], 0.5) == 15


def test_differences_are_paired_by_seed():
    table = labeling_table(ROUNDS, margin=0.05)
    assert table.columns == ("strategy", "score", "seed 0", "seed 1", "mean", "minus first strategy")
    needed, area = ([row for row in table.rows if word in row[1]] for word in ("labeled until AUROC 0.850", "mean"))
    assert [row[2:5] for row in needed] == [["20.0", "20.0", "20.0"], ["20.0", "10.0", "15.0"]]
    assert [row[2:5] for row in area] == [["0.7500", "0.7500", "0.7500"], ["0.8000", "0.8500", "0.8250"]]
    half = stats.t.ppf(0.975, 1) * 5
    assert needed[1][5] == f"-5.0 [{-5 - half:.1f}, {-5 + half:.1f}]"
    assert needed[0][5] == ""


def test_curves_are_drawn():
    assert labeling_curves(ROUNDS, margin=0.05).shape[0] == 3


def test_too_small_a_pool_and_validation_patients_of_the_split_are_refused(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="pool must have the patients of a step"):
        plan().order(items(["p0"]), seed=0)
    monkeypatch.setattr(Setup, "split", lambda self, settings: Split(items(POOL), items(["v"]), items(TEST)))
    with pytest.raises(ValueError, match="split_fractions must be pool, 0 and test"):
        simulate_labeling(plan(), tmp_path, tmp_path, tmp_path)


def test_a_simulation_leaves_its_files_and_goes_on(trainings, monkeypatch, tmp_path):
    monkeypatch.setattr(Setup, "split", lambda self, settings: Split(items(POOL), [], items(TEST)))
    text = simulate_labeling(plan(seeds=[0, 1]), tmp_path, tmp_path / "runs", tmp_path)
    count = len(trainings)
    assert simulate_labeling(plan(seeds=[0, 1]), tmp_path, tmp_path / "runs", tmp_path) == text
    assert len(trainings) == count
    folder = tmp_path / "runs/t"
    assert {file.name for file in folder.iterdir()} == {
        "seed0",
        "seed1",
        "plan.json",
        "rounds.csv",
        "table.md",
        "auroc.png",
    }
    assert len(pd.read_csv(folder / "rounds.csv")) == 2 * 2 * 5
    with pytest.raises(ValueError, match=r"must hold rounds of this plan, got others \(changed: optimizer_steps\)"):
        simulate_labeling(plan(optimizer_steps=2), tmp_path, tmp_path / "runs", tmp_path)


def test_a_training_learns_from_its_scans_and_answers_for_the_others(tmp_path):
    demo(tmp_path / "data")
    files = [
        f"configs/{name}" for name in ("train.json", "datasets/demo.yaml", "methods/baseline.yaml", "evaluate.json")
    ]
    setup = Setup(files, tmp_path / "data", tmp_path / "cache")
    settings = {**NETWORK, "smoothing_kernel": 7, "batch_size": 4, "device": "cpu", "seed": 0}
    cases = setup.split({"split_fractions": [0.8, 0, 0.2]})
    assert (len(cases.train), len(cases.test)) == (4, 1)
    one, again = (train_and_predict(setup, settings, cases.train[:2], cases.test, 3) for _ in range(2))
    assert [*np.unique(one.case)] == cases.case_ids["test"]
    assert len(one) == 4
    assert ((one.probability > 0) & (one.probability < 1)).all()
    np.testing.assert_array_equal(one.probability, again.probability)
