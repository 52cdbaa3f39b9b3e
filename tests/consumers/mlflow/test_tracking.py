"""A training that MLflow follows offline, in its SQLite database; `make test-mlflow` installs what this needs."""

import pytest
from support.bundle import DEMO, ROOT, TRAINING, run

from bundle.phantoms import make_phantoms

mlflow = pytest.importorskip("mlflow", reason="mlflow is absent: make test-mlflow")


def test_a_training_is_found_with_its_scores(tmp_path):
    phantoms = make_phantoms(tmp_path / "phantoms", cases=8, shape=(16, 16, 4), progress=False)
    folders = {"dataset_dir": phantoms, "output_dir": tmp_path / "run", "cache_dir": tmp_path / "cache"}
    names = {"tracking": ROOT / "configs/tracking/mlflow.json", "experiment_name": "phantoms", "run_name": "first"}
    run("train.json", DEMO, **{**TRAINING, **folders, **names, "max_epochs": 2})
    [found] = mlflow.MlflowClient(f"sqlite:///{tmp_path}/run/mlruns.db").search_runs(["1"])
    assert (found.info.run_name, found.info.status) == ("first", "FINISHED")
    assert {"loss", "key_score"} <= {name.removeprefix("val_") for name in found.data.metrics}
    assert (tmp_path / "run/config.json").exists()
