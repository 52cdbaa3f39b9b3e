"""Records that leave the machine: what a run was and its scores, nothing that tells where or of whom."""

import json
from pathlib import Path

import pytest

from bundle.experiments import export_run_records


@pytest.fixture
def run(tmp_path):
    """An evaluated run with everything that lies in its folder."""
    folder = tmp_path / "here/runs/table/lgmvit/fold0"
    folder.mkdir(parents=True)
    places = {"dataset_dir": "/hospital/data", "cache_dir": "/fast/cache", "output_dir": str(folder)}
    config = {**places, "seed": 0, "finder": {"root": "/hospital/data"}, "split_file": "@dataset_dir"}
    command = [
        "/opt/python/monai/bundle/__main__.py",
        "run",
        "--output_dir",
        str(folder),
        "--dataset_dir",
        "/hospital/data",
    ]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "run.json").write_text(json.dumps({"command": command, "settings": {"seed": 0}}))
    (folder / "metrics.json").write_text("{}")
    for name in ("predictions.csv", "split.json", "model.pt", "log.txt"):
        (folder / name).write_text(f"content of {name}")
    return folder


def copied(run, tmp_path):
    export_run_records([run], tmp_path / "here/runs", tmp_path / "records")
    return tmp_path / "records/table/lgmvit/fold0"


def test_scores_are_copied_and_what_names_cases_or_tells_of_scans_stays(run, tmp_path):
    scores = {"slice": {"f1": 0.1 + 0.2, "auroc": None}, "threshold": 0.3}
    (run / "metrics.json").write_text(json.dumps({**scores, "input_profile": {"scans": 42}}))
    found = copied(run, tmp_path)
    assert {file.name for file in found.iterdir()} == {"config.json", "run.json", "metrics.json"}
    assert json.loads((found / "metrics.json").read_text()) == scores


def test_no_folder_of_the_machine_is_named(run, tmp_path):
    found = copied(run, tmp_path)
    config, record = (json.loads((found / name).read_text()) for name in ("config.json", "run.json"))
    assert config == {
        "dataset_dir": "data",
        "cache_dir": "cache",
        "output_dir": "runs/table/lgmvit/fold0",
        "seed": 0,
        "finder": {"root": "data"},
        "split_file": "@dataset_dir",
    }
    expected = ["monai.bundle", "run", "--output_dir", "runs/table/lgmvit/fold0", "--dataset_dir", "data"]
    assert record == {"command": expected, "settings": {"seed": 0}}


@pytest.mark.parametrize(
    ("weights", "named"),
    [("here/runs/table/first/fold0/model.pt", "runs/table/first/fold0/model.pt"), ("elsewhere/model.pt", "model.pt")],
)
def test_weights_that_a_run_learned_from_are_named_by_their_place_among_the_records(weights, named, run, tmp_path):
    file = str(tmp_path / weights)
    for name, own in (("config.json", {"teacher": file}), ("run.json", {"teacher": {"file": file, "sha256": "a1"}})):
        content = json.loads((run / name).read_text()) | own
        if "command" in content:
            content["command"] += ["--teacher", file]
        (run / name).write_text(json.dumps(content))
    found = copied(run, tmp_path)
    config, record = (json.loads((found / name).read_text()) for name in ("config.json", "run.json"))
    assert config["teacher"] == named
    assert record["teacher"] == {"file": named, "sha256": "a1"}
    assert record["command"][-1] == named
    assert "here" not in (found / "run.json").read_text()


@pytest.mark.parametrize("words", ["['Müller_1999','b']", "('Müller_1999', 'b')", "Müller_1999,b"])
def test_no_case_is_named(words, run, tmp_path):
    cases = ["Müller_1999", "b"]
    for name in ("config.json", "run.json"):
        content = json.loads((run / name).read_text())
        content = content | {"split_file": "/hospital/split.json", "supervised_cases": cases}
        if "command" in content:
            content["command"] += ["--split_file", "/hospital/split.json", "--supervised_cases", words]
        (run / name).write_text(json.dumps(content))
    found = copied(run, tmp_path)
    for name in ("config.json", "run.json"):
        text = (found / name).read_text()
        content = json.loads(text)
        assert (content["split_file"], content["supervised_cases"]) == ("split.json", "2 named cases")
        assert "hospital" not in text
        assert "1999" not in text
    assert content["command"][-4:] == ["--split_file", "split.json", "--supervised_cases", "2 named cases"]


def test_a_second_copy_replaces_the_first(run, tmp_path):
    copied(run, tmp_path)
    (run / "metrics.json").write_text('{"threshold": 0.25}')
    assert json.loads((copied(run, tmp_path) / "metrics.json").read_text()) == {"threshold": 0.25}


def test_a_run_that_is_not_evaluated_is_named(run, tmp_path):
    Path(run / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"fold0.metrics\.json"):
        copied(run, tmp_path)
