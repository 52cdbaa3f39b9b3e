"""The models of a bundle on the command line."""

import json
import runpy
import sys

from conftest import ROOT

from bundle.consumers.label.model_versions import PLACES, publish

OUTCOME = {
    "made": "today",
    "patients": {"train": 8, "val": 2},
    "metric": "average_precision",
    "new": 0.5,
    "in_use": 0.25,
}


def run(monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["label_model.py", *map(str, options)])
    monkeypatch.setattr(sys, "path", [*sys.path])
    return runpy.run_path(ROOT / "scripts/label_model.py")["main"]()


def write(folder, number):
    for name in PLACES:
        (folder / name).write_text(f"{number}")
    (folder / "record.json").write_text(json.dumps(OUTCOME))


def test_versions_are_listed_and_brought_back(tmp_path, monkeypatch, capsys):
    for name, place in PLACES.items():
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / name).write_text("packed")
    assert run(monkeypatch, "--bundle", tmp_path) == 0
    assert "the packed model is in use" in capsys.readouterr().out
    publish(tmp_path, write)
    assert run(monkeypatch, "--bundle", tmp_path, "--use", "0000") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("0000 in use: ")
    assert second.endswith("8 patients trained; average_precision of 2 others 0.5000, of the model before 0.2500")
    assert (tmp_path / "models/model.pt").read_text() == "packed"
    assert run(monkeypatch, "--bundle", tmp_path, "--use", "12") == 1
    assert "error: version must be one of 0000, 0001, got '12'" in capsys.readouterr().err
