"""Configs that runs of the past left in docs/results still name objects that exist and arguments that these take."""

import inspect
import json
import pydoc

import pytest
from conftest import ROOT
from monai.bundle import ComponentLocator
from support.bundle import DEMO, SIZE, overlay, run
from support.datasets import demo

RECORDS = sorted((ROOT / "docs/results").rglob("config.json"))
LOCATOR = ComponentLocator()


def components(content):
    """Yield (target, keywords) of every component of a config."""
    if isinstance(content, dict) and "_target_" in content:
        yield content["_target_"], tuple(sorted(name for name in content if not name.startswith("_")))
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for part in parts:
        yield from components(part)


CALLS = sorted({call for record in RECORDS for call in components(json.loads(record.read_text()))})


def test_there_are_records():
    assert len(RECORDS) > 100
    assert len(CALLS) > 50


@pytest.mark.parametrize(("target", "keywords"), CALLS)
def test_a_recorded_component_exists_and_takes_its_arguments(target, keywords):
    module = LOCATOR.get_component_module_name(target)
    module = module[0] if isinstance(module, list) else module
    found = pydoc.locate(f"{module}.{target}" if module else target)

    assert callable(found), target
    inspect.signature(found).bind_partial(**dict.fromkeys(keywords))


def test_a_recorded_run_trains_and_is_evaluated(tmp_path):
    """One epoch on other data at a tiny size; this record has an average of the weights, which its handler keeps."""
    demo(tmp_path / "data")
    whole = overlay(tmp_path, num_folds=None, fold=None, split_fractions=[0.6, 0.2, 0.2])
    folders = {"dataset_dir": tmp_path / "data", "cache_dir": tmp_path / "cache", "output_dir": tmp_path / "run"}
    record = ROOT / "docs/results/lgg_folds/ema/fold0/config.json"

    run(record, DEMO, whole, **folders, **SIZE, max_epochs=1, device="cpu")

    assert json.loads((tmp_path / "run/run.json").read_text())["epochs"] == 1
    assert (tmp_path / "run/model.pt").exists()

    run(tmp_path / "run/config.json", "evaluate.json")

    assert "f1" in json.loads((tmp_path / "run/metrics.json").read_text())["slice"]
