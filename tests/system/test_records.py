"""Checkpoint, run record and results say on which split they stand; another one is refused."""

import json
import shutil

import pytest
from support.bundle import LIGHT, ROOT, checkpoint, ended, evaluate, record, refused, run, start, train

NOBODY_VALIDATES = {"split_fractions": [0.75, 0, 0.25], "max_epochs": 2}


@pytest.fixture(scope="module")
def metrics(phantoms, trained, tmp_path_factory):
    """The evaluation of the trained run."""
    return evaluate(phantoms, trained, LIGHT)


def test_checkpoint_record_and_metrics_carry_one_hash(trained, metrics):
    hashes = {checkpoint(trained)["progress"]["split_hash"], record(trained)["split_hash"], metrics["split_hash"]}

    assert len(hashes) == 1
    assert len(hashes.pop()) == 64


def test_metrics_have_the_promised_parts(metrics):
    assert {"slice", "volume", "map", "n"} <= metrics.keys()
    assert {"f1", "accuracy", "auroc", "average_precision", "cohen_kappa"} <= metrics["slice"].keys()


def test_evaluation_on_another_split_is_refused(phantoms, trained, metrics):
    before = (trained / "metrics.json").read_bytes()

    with refused("must be weights that have seen no test case"):
        evaluate(phantoms, trained, split_seed=1)

    assert (trained / "metrics.json").read_bytes() == before


@pytest.mark.parametrize(
    ("overlays", "settings", "knob"),
    [
        (["intensities/volume.yaml"], {}, "preprocessing#transforms#2 nothing"),
        (["orientation/file_order.yaml"], {}, "orientation .*Orientationd"),
        (["attributions/rollout.yaml"], {}, "attribution .*EAFEM"),
        ([], {"beta": 0.5}, "beta 0.85"),
        ([], {"position_encoding": "learned"}, "position_encoding 'sincos'"),
    ],
)
def test_evaluation_with_other_settings_is_refused(phantoms, trained, metrics, overlays, settings, knob):
    before = {name: (trained / name).read_bytes() for name in ("metrics.json", "predictions.csv", "split.json")}

    with refused(f"{trained}/config.json: the run was trained with {knob}"):
        evaluate(phantoms, trained, *overlays, **settings)

    assert {name: (trained / name).read_bytes() for name in before} == before


def test_a_run_is_repeated_from_another_folder_with_its_data_elsewhere(phantoms, trained, tmp_path):
    away, moved = tmp_path / "away", shutil.copytree(phantoms, tmp_path / "moved")
    away.mkdir()
    folders = {"dataset_dir": moved, "cache_dir": tmp_path / "cache", "output_dir": tmp_path / "again"}

    status, printed = ended(start(trained / "config.json", cwd=away, bundle_root=ROOT, **folders))

    assert status == 0, printed
    assert json.loads((trained / "config.json").read_text())["augmentation"][0]["_target_"] == "RandFlipd"
    assert (tmp_path / "again/model.pt").read_bytes() == (trained / "model.pt").read_bytes()
    assert all(record(tmp_path / "again")[name] == record(trained)[name] for name in ("split_hash", "metrics"))
    assert list(away.iterdir()) == []


def test_a_run_is_evaluated_by_its_own_config(trained, metrics, tmp_path):
    run(trained / "config.json", "evaluate.json", output_dir=tmp_path, checkpoint=trained / "model.pt")

    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics


def test_evaluation_leaves_the_weights_alone(phantoms, trained):
    before = (trained / "model.pt").read_bytes(), (trained / "checkpoint.pt").read_bytes()

    evaluate(phantoms, trained)

    assert ((trained / "model.pt").read_bytes(), (trained / "checkpoint.pt").read_bytes()) == before


def test_without_validation_patients_the_last_epoch_is_kept_and_the_threshold_says_so(phantoms, tmp_path):
    metrics = evaluate(phantoms, train(phantoms, tmp_path, **NOBODY_VALIDATES), **NOBODY_VALIDATES)

    assert (tmp_path / "model.pt").exists()
    assert metrics["threshold_from"] == "default"


def test_without_test_patients_an_evaluation_fails_and_says_why(phantoms, tmp_path):
    nobody = {"split_fractions": [0.75, 0.25, 0], "max_epochs": 1}
    train(phantoms, tmp_path, **nobody)

    with refused("the test part must hold cases with labels, got no cases"):
        evaluate(phantoms, tmp_path, **nobody)


def test_the_split_file_of_a_run_makes_the_same_split(phantoms, trained, metrics, tmp_path):
    train(phantoms, tmp_path, split_file=str(trained / "split.json"), max_epochs=1)

    assert record(tmp_path)["split_hash"] == metrics["split_hash"]
