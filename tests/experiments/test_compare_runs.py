"""The comparison of runs by their folders: names, refusals, tables, and the settings of the maps' inference."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from support.runs import write_run

from bundle.evaluation import read_predictions, write_predictions
from bundle.experiments import compare_runs, named_runs
from bundle.files import read_json, write_json

MODULE = sys.modules["bundle.experiments.compare_runs"]


@pytest.fixture
def runs(tmp_path):
    """Two runs tested on the same slices, with the records of their trainings."""
    folders = {"plain": tmp_path / "runs/plain", "guided": tmp_path / "runs/guided"}
    for folder, quality in zip(folders.values(), (0.3, 0.6), strict=True):
        folder.mkdir(parents=True)
        metrics = write_run(folder, 0, quality)
        write_json(folder / "metrics.json", {**metrics, "split_hash": "a" * 64})
        write_json(folder / "config.json", {"dataset_dir": "scans", "hidden_size": 8, "finder": None})
    return folders


@pytest.fixture
def drawn(monkeypatch):
    """What the picture of the maps was asked for."""
    asked = []

    def map_grid(runs, dataset_dir):
        asked.append(
            (dataset_dir, {name: json.loads(Path(run.config_files[1]).read_text()) for name, run in runs.items()})
        )
        return np.zeros((3, 4, 4), np.uint8)

    monkeypatch.setattr(MODULE, "map_grid", map_grid)
    return asked


def change(folder, **metrics):
    write_json(folder / "metrics.json", {**read_json(folder / "metrics.json"), **metrics})


def retest(folder, change):
    """Let the predictions of a run be those of another test set."""
    write_predictions(folder / "predictions.csv", change(read_predictions(folder / "predictions.csv")))


def test_tables_and_the_picture_are_written(runs, drawn, tmp_path):
    text = compare_runs(runs, tmp_path / "out", n_resamples=50)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "tables.md",
        "scores.csv",
        "difference_to_plain.csv",
        "volumes.csv",
        "on_validation.csv",
        "maps.png",
    }
    assert "| guided | " in text
    assert "| 0.300 [0.300, 0.300], p = " in text, "the pointing game of 0.6 and 0.3 in every patient"
    assert "| slice position alone | " in text
    assert "not trained on the same cases" not in text
    assert (tmp_path / "out/tables.md").read_text().strip() in text


def test_maps_come_by_each_runs_own_record(runs, drawn, tmp_path):
    write_json(
        runs["guided"] / "config.json",
        {"hidden_size": 16, "beta": 0.5, "load": {"_target_": "a", "b": "@mine"}, "mine": 3},
    )
    compare_runs(runs, tmp_path, n_resamples=50)
    ((dataset_dir, overlays),) = drawn
    assert dataset_dir == ROOT / "scans", "as a run started from the root recorded it"
    assert overlays["plain"] == {"hidden_size": 8}
    assert overlays["guided"] == {"hidden_size": 16, "beta": 0.5, "load": {"_target_": "a", "b": "@mine"}, "mine": 3}


def test_without_the_data_the_tables_say_why_there_is_no_picture(runs, monkeypatch, tmp_path):
    def map_grid(runs, dataset_dir):
        raise ValueError(f"{dataset_dir} must hold cases, got none.")

    monkeypatch.setattr(MODULE, "map_grid", map_grid)
    assert compare_runs(runs, tmp_path, n_resamples=50).endswith("scans must hold cases, got none.")
    with pytest.raises(ValueError, match="must hold cases"):
        compare_runs(runs, tmp_path, n_resamples=50, dataset_dir=Path("asked/for"))


def test_names_are_those_of_the_folders_or_given(tmp_path):
    (tmp_path / "lr=1").mkdir()
    found = named_runs([f"{tmp_path}/plain/", "LGM-ViT=runs/b", f"{tmp_path}/lr=1"])
    assert list(found) == ["plain", "LGM-ViT", "lr=1"]
    assert found["LGM-ViT"] == Path("runs/b")


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["a/fold0", "b/fold0"], "differ, got 'fold0' for b/fold0: write NAME=b/fold0"),
        (["a"], "must be two or more, got 1"),
        (["=a", "b"], "must be given"),
    ],
)
def test_runs_without_names_of_their_own_are_refused(texts, reason):
    with pytest.raises(ValueError, match=reason):
        named_runs(texts)


def test_folders_that_are_no_evaluated_runs_are_told_at_once(runs, tmp_path):
    for file in ("metrics.json", "predictions.csv"):
        (runs["plain"] / file).unlink()
    write_json(runs["guided"] / "metrics.json", {"accuracy": 1.0})
    others = {"none": tmp_path / "none", "empty": tmp_path / "empty", "file": runs["plain"] / "config.json"}
    others["empty"].mkdir()
    with pytest.raises(FileNotFoundError) as told:
        compare_runs({**runs, **others}, tmp_path)
    lines = str(told.value).splitlines()
    assert [line.partition(" must be ")[0] for line in lines] == [
        str(runs["plain"]),
        f"{runs['guided']}/metrics.json",
        *map(str, others.values()),
    ]
    assert f"['{runs['plain']}/config.json','configs/evaluate.json']" in lines[0]
    for line, reason in zip(lines[1:], ["another file", "no such folder", "no config.json", "a file"], strict=True):
        assert f"got {reason}" in line


@pytest.mark.parametrize(
    ("change_test", "got"),
    [
        (
            lambda test: replace(test, case=np.char.replace(test.case, "s0c0", "new")),
            "5 common cases and 2 of one run alone \\(new, s0c0",
        ),
        (lambda test: test.select(test.slice_index < 7), "the same cases with other slices or labels"),
        (lambda test: replace(test, label=1 - test.label), "the same cases with other slices or labels"),
    ],
)
def test_other_test_cases_or_slices_are_refused(runs, tmp_path, change_test, got):
    retest(runs["guided"], change_test)
    change(runs["guided"], split_hash="b" * 64)
    with pytest.raises(
        ValueError,
        match=f"guided must be tested on the slices of .*plain, got {got}.*, split_hash b{{12}} and a{{12}}: ",
    ):
        compare_runs(runs, tmp_path)
    assert not list(tmp_path.glob("*.md"))


def test_slices_in_another_order_are_the_same(runs, drawn, tmp_path):
    retest(runs["guided"], lambda test: test.select(np.random.default_rng(0).permutation(len(test))))
    compare_runs(runs, tmp_path, n_resamples=50)


def test_other_training_cases_are_told(runs, drawn, tmp_path):
    change(runs["guided"], split_hash="b" * 64)
    assert "guided and plain were not trained on the same cases, split_hash b" in compare_runs(
        runs, tmp_path, n_resamples=50
    )


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("compare", ROOT / "scripts/compare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_writes_beside_the_first_run(runs, drawn, script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["compare.py", *map(str, runs.values()), "--n_resamples", "50"])
    script.main()
    assert (runs["plain"].parent / "comparison/tables.md").exists()
    assert capsys.readouterr().out.endswith(f"Tables and pictures are in {runs['plain'].parent}/comparison.\n")


def test_the_script_ends_with_an_error(runs, script, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["compare.py", str(runs["plain"]), "none"])
    with pytest.raises(SystemExit, match=r"^error: none must be the folder of a run, got no such folder"):
        script.main()


def test_the_script_is_short():
    assert len((ROOT / "scripts/compare.py").read_text().splitlines()) <= 60
