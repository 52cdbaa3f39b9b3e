"""The check of a GPU, tried on a CPU at toy sizes: every part gives rows, and no part's end costs the others."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from benchmarks.gpu import check, device_tests, packages, part, setting, table

    return SimpleNamespace(
        check=check, device_tests=device_tests, packages=packages, part=part, setting=setting, table=table
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["machine", "steps", "run", "delivery", "volume", "compiled"])
def test_every_part_gives_rows(name, gpu, capsys):
    gpu.part.main(name, json.dumps({"device": "cpu", "quick": True}))
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith(gpu.part.SIGN)]
    rows = [json.loads(line.removeprefix(gpu.part.SIGN)) for line in printed]
    assert rows
    assert all(row.keys() == {"what", "value", "unit", "note"} for row in rows)
    numbers = [row["value"] for row in rows if not isinstance(row["value"], str)]
    assert all(0 <= number < float("inf") for number in numbers)
    assert len({row["what"] for row in rows}) == len(rows)


def test_every_part_has_a_limit(gpu):
    assert set(gpu.part.PARTS) == set(gpu.check.LIMITS)
    assert sum(seconds for name, seconds in gpu.check.LIMITS.items() if name != "table") < 15 * 60


class Process:
    """A part that prints a row and then ends as its name says."""

    pid = 2**30  # nobody's

    def __init__(self, command, **_):
        self.name, self.returncode = command[3], None

    def communicate(self, timeout=None):
        if self.name == "steps" and timeout is not None:
            raise subprocess.TimeoutExpired(self.name, timeout)
        self.returncode = {"run": 1, "volume": -11}.get(self.name, 0)
        row = {"what": f"a | b of {self.name}", "value": 1234.5, "unit": "ms", "note": ""}
        return f"noise\nrow: {json.dumps(row)}\n" + "RuntimeError: CUDA error\n" * (self.name == "run"), None

    def kill(self):
        pass


def test_what_a_part_found_stays_whatever_ends_it(gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu.check.subprocess, "Popen", Process)
    check = gpu.check.Check(tmp_path / "out", {"device": "cuda"}, minutes=8)
    for name in ("machine", "steps", "run", "volume"):
        check.run(name)
    check.until = 0
    check.run("table")
    content = json.loads((tmp_path / "out/gpu_check.json").read_text())["parts"]
    assert {name: part["state"] for name, part in content.items()} == {
        "machine": "done",
        "steps": "ended after 100 s",
        "run": "failed: RuntimeError: CUDA error",
        "volume": "failed: signal 11",
        "table": "skipped: no time left",
    }
    assert [len(part["rows"]) for part in content.values()] == [1, 1, 1, 1, 0]
    assert check.problems == [f"{name} {content[name]['state']}" for name in ("steps", "run", "volume", "table")]
    assert "| run | a / b of run | 1,234 | ms |  |" in (tmp_path / "out/gpu_check.md").read_text()
    assert "CUDA error" in (tmp_path / "out/gpu_check.log").read_text()


def test_a_failed_test_is_a_problem(gpu, tmp_path):
    check = gpu.check.Check(tmp_path, {}, minutes=1)
    rows = [{"what": "tests that failed", "value": 1}, {"what": "failed: test_x.py::test_y", "value": "E  no"}]
    check.parts = {"tests": {"state": "done", "seconds": 1.0, "rows": rows}}
    assert check.problems == ["failed: test_x.py::test_y"]


def test_tests_are_counted_and_failures_named(gpu, monkeypatch):
    def session(arguments, plugins):
        for when, outcome in (("setup", "passed"), ("call", "passed"), ("setup", "skipped"), ("call", "failed")):
            name = f"tests/gpu/test_x.py::test_{outcome}"
            longrepr = "long\nE  the last words"
            report = SimpleNamespace(
                when=when, outcome=outcome, failed=outcome == "failed", nodeid=name, longrepr=longrepr
            )
            plugins[0].pytest_runtest_logreport(report)

    monkeypatch.setattr(pytest, "main", session)
    monkeypatch.setenv("GPU_CHECK_DEVICE", "")  # restored afterwards
    rows = list(gpu.device_tests.measure(gpu.setting.Setting("cpu")))
    assert [row.value for row in rows] == [1, 1, 1, "E  the last words"]
    assert rows[-1].what == "failed: test_x.py::test_failed"


def test_missing_packages_are_named_with_the_remedy(gpu, tmp_path):
    assert gpu.packages.unmet() == ("", "")
    project = tmp_path / "pyproject.toml"
    project.write_text('dependencies = [\n    "torch>=99",\n    "no-such-package>=1,<2",  # why\n    "numpy>=1",\n]\n')
    missing, others = gpu.packages.unmet(project)
    assert 'GPU_PACKAGES="no-such-package"' in missing
    assert f"torch>=99, got {torch.__version__}." in others


def test_scores_of_the_table_are_those_of_finished_runs(gpu, tmp_path):
    for row, scores in {"lgmvit": {"f1": 0.5, "auroc": 0.75, "average_precision": None}, "baseline": None}.items():
        folder = tmp_path / "lgg" / row / "fold0"
        folder.mkdir(parents=True)
        if scores:
            (folder / "metrics.json").write_text(json.dumps({"slice": scores}))
    assert [tuple(row)[:2] for row in gpu.table.scores_of(tmp_path)] == [("lgmvit, fold0", "f1 0.500, auroc 0.750")]


def test_the_command_line_runs_the_parts_it_names(gpu, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu.check.subprocess, "Popen", Process)
    script, output = str(ROOT / "scripts/gpu_check.py"), str(tmp_path / "out")
    monkeypatch.setattr(sys, "argv", [script, "machine", "--output", output])
    runpy.run_path(script, run_name="__main__")
    assert "| machine | part | done |" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [script, "run", "--output", output])
    with pytest.raises(SystemExit, match="error: run failed: RuntimeError: CUDA error"):
        runpy.run_path(script, run_name="__main__")
    monkeypatch.setattr(sys, "argv", [script, "stps", "--output", output])
    with pytest.raises(SystemExit):
        runpy.run_path(script, run_name="__main__")
    assert "got stps" in capsys.readouterr().err
