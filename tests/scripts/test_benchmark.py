"""The benchmark runs at toy sizes; what it times is not judged here, what it computes is."""

import importlib
import json
import runpy
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support.processes import Forked

ROOT = Path(__file__).parents[2]
KEYS = {
    "data": {"store_over_loader", "store_slices_per_second", "ingest_over_loader_epoch"},
    "step": {
        "step_eafem_over_plain",
        "step_relevance_over_plain",
        "plain_over_floor",
        "eafem_extra_memory",
        "res_solver_speedup",
    },
    "recipe": {"step_recommended_over_plain", "monai_over_scanner_augmentation"},
    "epoch": {"epoch_over_steps"},
    "infer": {"infer_over_naive"},
    "study": {"study_over_budget", "study_memory_over_volume", "study_results_over_budget"},
    "scale": {"open_10000_cases_seconds", "cold_start_over_import", "two_processes_over_ceiling"},
}


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def forked(command, *, cwd, env, **_):
    """Return a process that has not to import MONAI: what a start costs is not judged here."""
    return Forked(command[1:], cwd, env)


@pytest.mark.slow
@pytest.mark.parametrize("part", KEYS)
def test_every_part_leaves_strict_json_and_a_table(part, tmp_path, benchmarks, monkeypatch):
    if part == "study" and not (shutil.which("dcm2niix") and importlib.util.find_spec("highdicom")):
        pytest.skip("needs dcm2niix and pydicom")
    output = tmp_path / "results" / "benchmark.json"
    monkeypatch.setattr(sys, "argv", ["benchmark.py", part, "--quick", "--output", str(output)])
    starts = SimpleNamespace(Popen=forked, PIPE=None)
    monkeypatch.setattr(importlib.import_module("benchmarks.subprocesses"), "subprocess", starts)
    threads = torch.get_num_threads()
    runpy.run_path(str(ROOT / "scripts/benchmark.py"), run_name="__main__")
    torch.set_num_threads(threads)
    content = json.loads(output.read_text(), parse_constant=refuse)
    assert set(content["ratios"]) == set(content["details"]) == KEYS[part]
    assert all(value > 0 for value in content["ratios"].values())
    assert content["machine"]["cores"] > 0
    rows = output.with_suffix(".md").read_text().splitlines()[2:]
    assert [row.split("|")[2].strip(" `") for row in rows] == list(content["ratios"])
    if part == "step":
        assert content["details"]["res_solver_speedup"]["same_value"] is True


def test_parts_cover_all_targets(benchmarks):
    from benchmarks.targets import TARGETS

    assert set().union(*KEYS.values()) == set(TARGETS)


def test_ratio_is_that_of_medians_and_spread_that_of_turns(benchmarks):
    from benchmarks.timings import Timings

    figure = Timings({"slow": [2.0, 4.0, 9.0], "fast": [1.0, 2.0, 3.0]}).figure("key", "slow", "fast", floor="fast")
    assert (figure.value, figure.floor) == (2.0, None)
    assert (figure.low, figure.high) == (2.0, 2.5)  # turns: 2, 2, 3


def test_turns_are_interleaved_and_every_other_one_runs_backwards(benchmarks):
    from benchmarks.timings import Timings

    order = []
    Timings.interleaved({name: (lambda name=name: order.append(name)) for name in "ab"}, repetitions=3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"


def test_peak_counts_what_lives_at_the_same_time(benchmarks):
    from benchmarks.allocated_peak import allocated_peak

    def one_after_the_other():
        for _ in range(3):
            torch.empty(1000)

    def all_at_once():
        return [torch.empty(1000) for _ in range(3)]

    assert allocated_peak(one_after_the_other) == 4000
    assert allocated_peak(all_at_once) == 12000


def test_dense_supervision_has_the_projects_loss(benchmarks):
    """The baseline knows no code of the project, so agreement says that both do the same work."""
    from benchmarks.plain_steps import dense_gaussian

    from bundle.transforms import SmoothMask

    mask = (torch.rand(1, 1, 32, 32) > 0.8).float()
    blurred = torch.nn.functional.conv2d(torch.nn.functional.pad(mask, [3] * 4, mode="reflect"), dense_gaussian(7))
    torch.testing.assert_close(blurred, SmoothMask(7)(mask))


@pytest.mark.parametrize("tied", [False, True])
def test_both_searches_find_the_same_threshold(tied, benchmarks):
    from benchmarks.separating_search import exhaustive_threshold

    from bundle.losses.res import separating_threshold

    values = torch.rand(30)
    values = (values * 5).round() / 5 if tied else values
    wanted = (torch.rand(30) < 0.5).float()
    assert exhaustive_threshold(values, wanted, 1 - wanted) == separating_threshold(values, wanted, 1 - wanted)


def test_volumes_have_blank_slices_at_both_ends(benchmarks):
    from benchmarks.volumes import BLANK, ellipsoid

    seen = ellipsoid(24, 155, 0.42).any(axis=(0, 1))
    assert not seen[0]
    assert not seen[-1]
    assert 1 - seen.mean() == pytest.approx(BLANK, abs=0.02)
