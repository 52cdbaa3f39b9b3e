"""The place in the card that a run fills."""

from pathlib import Path

import pytest
from conftest import ROOT

from bundle.packing import TrainedRun, model_card
from bundle.packing.model_card import END, START

CARD = (ROOT / "docs/README.md").read_text()
CONFIG = {
    "image_size": 64,
    "beta": 0.85,
    "supervised_cases": ["PatientA", "PatientB"],
    "finder": {"_target_": "bundle.data.ChannelFiles", "channels": ["t1", "flair"], "root": "@dataset_dir"},
    "test_site": "D",
    "dataset_dir": "/data/brats",
}
RECORD = {
    "command": ["run", "--config_file", "['/home/me/configs/train.json','/home/me/configs/datasets/demo.yaml']"],
    "completed": "2026-11-25T03:39:50+00:00",
    "epochs": 7,
    "git_revision": "abcdef",
    "versions": {"torch": "2.13.0"},
    "split_hash": "0123456789abcdef",
}
METRICS = {
    "slice": {"f1": 0.75, "auroc": None},
    "map": {"energy_ratio": 2.5},
    "intervals": {"slice": {"f1": {"low": 0.7, "high": 0.8}, "auroc": {"low": None}}, "map": {}},
    "baselines": {"position": {"slice": {"f1": 0.5}, "intervals": {"f1": {"low": 0.4, "high": 0.625}}}},
    "n": {"slices": 60, "positives": 12, "patients": 5},
    "threshold": 0.25,
    "threshold_from": "validation",
}


def card(**parts):
    return model_card(CARD, TrainedRun(Path("/home/me/run"), **{"config": CONFIG, **parts}), 0.25)


@pytest.mark.parametrize(
    "line",
    [
        "| overlays | datasets/demo.yaml |",
        "| channels | t1, flair |",
        "| split | test_site: D |",
        "| hash of the split | 0123456789ab |",
        "Epochs: 7, completed 2026-11-25, revision abcdef, with torch 2.13.0.",
        "| beta | 0.85 |",
        "| supervised_cases | 2 chosen cases |",
        "| F1 | 0.750 [0.700, 0.800] | 0.500 [0.400, 0.625] |",
        "| AUROC | n/a | n/a |",
        "| the same, over that of an even map | 2.500 | n/a |",
    ],
)
def test_facts_of_a_run(line):
    assert line in card(record=RECORD, metrics=METRICS).splitlines()


def test_text_around_the_place_stays_and_no_place_or_patient_is_told():
    text = card(record=RECORD, metrics=METRICS)
    assert text.split(START)[0] == CARD.split(START)[0]
    assert text.split(END)[1] == CARD.split(END)[1]
    assert not [name for name in ("/home", "/data/brats", "PatientA") if name in text]
    assert "chosen on validation patients" in text


def test_filling_twice_is_filling_once():
    once = card(record=RECORD, metrics=METRICS)
    again = model_card(once, TrainedRun(Path("run"), CONFIG, RECORD, METRICS), 0.25)
    assert again == once


def test_a_run_without_scores_says_so():
    text = card()
    assert "This run was not evaluated: no score is known." in text
    assert "Not completed" in text


def test_a_threshold_that_was_fixed_says_so():
    assert "both were fixed before" in card(metrics={**METRICS, "threshold_from": "given"})
    assert "validation patients left no choice" in card(metrics={**METRICS, "threshold_from": "default"})


@pytest.mark.parametrize(("volume_threshold", "told"), [(0.75, "0.75"), (None, "0.25")])
def test_the_threshold_of_a_volume_is_told(volume_threshold, told):
    text = model_card(CARD, TrainedRun(Path("run"), CONFIG, RECORD, METRICS), 0.25, volume_threshold)
    assert f"0.25, a volume where its highest slice has {told}; both were chosen" in text


def test_the_repository_s_card_says_that_it_has_no_weights():
    assert "No weights are shipped here." in CARD.split(START)[1].split(END)[0]


def test_a_card_without_the_place_is_refused():
    with pytest.raises(ValueError, match="put them back"):
        model_card("# Card", TrainedRun(Path("run"), CONFIG), 0.5)


def test_of_weights_that_a_run_started_or_learned_from_the_name_is_shown_and_no_folder():
    weights = {name: f"/home/me/runs/{name}/{name}.pt" for name in ("initial_weights", "pretrained", "teacher")}
    card = model_card(CARD, TrainedRun(Path("runs/x"), {**CONFIG, **weights}, RECORD), 0.5)
    assert all(f"| {name} | {name}.pt |" in card for name in weights)
    assert "/home/me" not in card
