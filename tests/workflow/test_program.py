"""Runs that a program starts by MONAI's ConfigWorkflow: what in their config is refused, and what is recorded."""

import numpy as np
import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigWorkflow, create_workflow

from bundle.workflow import begin_run
from bundle.workflow.program import program_problems, running_config

TRAIN, CONFIGS = str(ROOT / "configs/train.json"), ROOT / "configs"


def workflow(**overrides):
    return ConfigWorkflow(TRAIN, workflow_type="train", logging_file=False, **overrides)


@pytest.mark.parametrize(
    ("id_", "nearest"),
    [("learning_rat", "learning_rate"), ("train#trainr", "train#trainer"), ("validate#datset", "validate#dataset")],
)
def test_a_misspelled_override_is_refused_with_the_nearest_name(id_, nearest):
    with pytest.raises(RuntimeError) as stop:  # MONAI wraps it
        workflow(**{id_: 3}).initialize()
    assert f"{id_} is not an id of the base configs" in str(stop.value.__cause__)
    assert f"did you mean '{nearest}'" in str(stop.value.__cause__)
    with pytest.raises(RuntimeError):
        create_workflow(config_file=TRAIN, logging_file=False, **{id_: 3})


def test_a_value_that_is_not_allowed_is_refused():
    with pytest.raises(RuntimeError) as stop:
        workflow(beta=2, localization_weight=-1).initialize()
    told = str(stop.value.__cause__).splitlines()
    assert [line.split(",")[0] for line in told] == [
        "localization_weight must be a number of at least 0",
        "beta must be a number from 0 to 1",
    ]


def test_what_programs_override_passes():
    """MONAI Label, MonaiAlgo, `load` and --tracking."""
    handlers = [{"_target_": "CheckpointLoader", "load_path": "m.pt", "load_dict": {"model": "$@network"}}]
    workflow(
        **{
            "bundle_root": str(ROOT),
            "device": torch.device("cpu"),
            "dataset_dir": ROOT / "data",
            "seed": np.int64(3),
            "max_epochs": 2,
            "train#dataset#data": [{"image": "a.nii", "label": "b.nii"}],
            "validate#dataset#data": [{"image": "a.nii", "label": "b.nii"}],
            "train#trainer#max_epochs": 2,
            "train#handlers": handlers,
            "network_def#in_channels": 1,
            "lr_scheduler#T_max": 4,
            "tracking_uri": "sqlite:///a.db",
            "run_name": "a",
        }
    ).initialize()


def test_an_entry_of_one_s_own_passes_where_it_is_used():
    assert not list(
        program_problems({"rate": 1, "learning_rate": "@rate", "seed": "@train#b", "train": {"b": 2}}, CONFIGS)
    )
    [problem] = program_problems({"rate": 1, "learning_rate": 2}, CONFIGS)
    assert problem.startswith("rate is not an id")


def test_without_a_workflow_nothing_is_known():
    assert running_config() == {}
    begin_run()


def test_the_bundle_root_is_where_the_config_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = workflow()
    one.initialize()
    assert one.bundle_root == str(ROOT)
    assert one._run_expr("cache_dir")[0] == f"{ROOT}/cache"
    other = workflow(bundle_root="elsewhere")
    other.initialize()
    assert other._run_expr("cache_dir")[0] == "elsewhere/cache"
