"""No config refers to an element by its number; commands in overlays and args files name files that exist."""

import re
import shlex
import shutil
import subprocess

import pytest
from conftest import ROOT
from monai.bundle import ConfigParser

from bundle.workflow import refuse_unknown_overrides
from bundle.workflow.command_line import CommandLine

CONFIGS = sorted(file for file in (ROOT / "configs").rglob("*") if file.suffix in (".json", ".yaml"))
OVERLAYS = [file for file in CONFIGS if file.suffix == ".yaml"]
ARGS_FILES = sorted((ROOT / "configs/args").glob("*.json"))
PROGRAM = "/lib/monai/bundle/__main__.py"


def name(file):
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", CONFIGS, ids=name)
def test_no_config_refers_to_an_element_by_its_number(file):
    assert re.findall(r"(?:#|::)\d+\b", file.read_text()) == []


def first_command(file):
    """Return the words of the command that opens a file."""
    lines = file.read_text().splitlines()
    end = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
    return shlex.split(" ".join(line.lstrip("# ").rstrip("\\") for line in lines[: end + 1]))


@pytest.mark.parametrize("file", OVERLAYS, ids=name)
def test_an_overlay_opens_with_a_command_that_runs_it_from_the_root(file, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = first_command(file)
    if file.parent.name == "experiments":
        script = "simulate_labeling" if file.stem.startswith("labeling_") else "run_experiments"
        assert words[:3] == ["python", f"scripts/{script}.py", name(file)]
        assert (ROOT / words[1]).exists()
        return
    assert words[:4] == ["python", "-m", "monai.bundle", "run"]
    command_line = CommandLine.read([PROGRAM, *words[3:]])
    assert name(file) in command_line.files
    assert [missing for missing in command_line.files if not (ROOT / missing).exists()] == []
    assert command_line.overrides.keys() == {"dataset_dir", "output_dir"}
    assert refuse_unknown_overrides([PROGRAM, *words[3:]]) is None


@pytest.mark.parametrize(
    ("args", "size", "method"),
    [("tiny", "tiny", "lgmvit"), ("base16", "base16", "lgmvit"), ("recommended", "tiny", "recommended")],
)
def test_args_files_hold_the_files_of_training_and_of_its_evaluation(args, size, method):
    training, evaluation = (
        ConfigParser.load_config_file(ROOT / f"configs/args/{file}.json") for file in (args, f"evaluate_{args}")
    )
    assert training == {
        "config_file": ["configs/train.json", f"configs/sizes/{size}.yaml", f"configs/methods/{method}.yaml"]
    }
    assert evaluation == {"config_file": [*training["config_file"], "configs/evaluate.json"]}


def test_every_args_file_is_known():
    names = ["base16", "recommended", "tiny"]
    assert sorted(file.stem for file in ARGS_FILES) == sorted([*names, *(f"evaluate_{name}" for name in names)])


MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split())
PARTS = {"help", "gates", "unit", "clean"}
"""Targets that are parts of others, or say nothing to a user."""


def test_make_help_lists_what_a_user_makes():
    listed = re.findall(r'^\t@echo "make (\S+) ', MAKEFILE, re.MULTILINE)
    assert set(listed) == TARGETS - PARTS


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/getting-started/first-run.md", "docs/results/demo.md"]
)
def test_every_make_command_of_a_page_is_a_target(page):
    asked = re.findall(r"(?:^ {4}|`)make ([\w-]+)", (ROOT / page).read_text(), re.MULTILINE)
    assert set(asked) <= TARGETS


def test_make_venv_installs_what_the_bundle_runs_on_and_says_how_to_activate_it():
    if not shutil.which("make"):
        pytest.skip("needs make")
    command = ["make", "--no-print-directory", "--dry-run", "venv", "VENV=not/there"]
    planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m venv not/there" in planned
    assert "-r requirements.txt" in planned
    assert planned.rstrip().endswith('echo "    . not/there/bin/activate"')
