"""The console command: every script has its command, and runs of MONAI get their config files."""

import sys
from pathlib import Path

import pytest
from conftest import ROOT

from bundle.console import commands, main, runs


@pytest.fixture(autouse=True)
def _own_process(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lgm-vit"])
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_every_script_has_a_command_or_a_reason():
    scripts = {path.name for path in (ROOT / "scripts").glob("*.py")}
    known = [*commands.SCRIPTS.values(), *commands.IN_A_CHECKOUT]
    assert scripts == set(known), "a new script needs a line in bundle/console/commands.py"
    assert len(known) == len(scripts)
    assert not set(commands.RUNS) & set(commands.SCRIPTS)


def test_the_overview_tells_every_command(capsys):
    assert main(["--help"]) == main([]) == 0
    told = capsys.readouterr().out
    for command in [*commands.RUNS, *commands.SCRIPTS]:
        assert f"\n  {command} " in told
        assert commands.help_line(command).endswith(".")


@pytest.mark.parametrize("command", ["pack", "gate"])
def test_a_script_tells_its_options_under_the_name_of_its_command(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: lgm-vit {command} ")


@pytest.mark.parametrize("command", commands.RUNS)
def test_a_run_tells_its_options(command, capsys):
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: lgm-vit {command} [--dataset_dir DATA]")


@pytest.mark.parametrize(
    ("typed", "hint"), [("trian", "did you mean train?"), ("packs", "did you mean pack?"), ("xyz", "lists them.")]
)
def test_a_misspelt_command_names_the_nearest(typed, hint, capsys):
    assert main([typed]) == 2
    assert capsys.readouterr().err.endswith(f"{hint}\n")


def test_the_root_and_the_version_are_told(capsys):
    assert main(["--root"]) == 0
    assert Path(capsys.readouterr().out.strip()) == ROOT
    assert main(["--version"]) == 0
    assert f'version = "{capsys.readouterr().out.strip()}"' in (ROOT / "pyproject.toml").read_text()


def test_a_script_gives_its_status(tmp_path, capsys):
    (tmp_path / "a.zip").write_text("no zip")
    assert main(["gate", str(tmp_path / "a.zip")]) == 1
    assert "must be a whole zip archive" in capsys.readouterr().out


@pytest.fixture
def started(monkeypatch):
    """Take the arguments that MONAI would be started with."""
    given = []
    monkeypatch.setattr(runs.runpy, "run_module", lambda *_, **__: given.append(sys.argv))
    return given


def files(arguments):
    named = runs.parse_arguments(arguments[1:])["config_file"]
    assert all(Path(name).is_file() and Path(name).is_absolute() for name in named)
    return ["/".join(Path(name).parts[-2:]) for name in named]


RECOMMENDED = ["configs/train.json", "sizes/tiny.yaml", "methods/recommended.yaml"]
TINY = ["configs/train.json", "sizes/tiny.yaml", "methods/lgmvit.yaml"]
EVALUATE = "configs/evaluate.json"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("train", RECOMMENDED),
        ("train --args_file tiny", TINY),
        ("train --args_file=configs/args/tiny.json", TINY),
        ("train --+config_file ['configs/beyond/ema.yaml']", [*RECOMMENDED, "beyond/ema.yaml"]),
        ("train --config_file ['configs/train.json']", ["configs/train.json"]),
        ("evaluate", [*RECOMMENDED, EVALUATE]),
        ("evaluate --args_file tiny", [*TINY, EVALUATE]),
        ("evaluate --args_file evaluate_tiny", [*TINY, EVALUATE]),
        ("evaluate --+config_file configs/beyond/ema.yaml", [*RECOMMENDED, EVALUATE, "beyond/ema.yaml"]),
        ("train --args_file tiny --config_file configs/train.json", ["configs/train.json"]),
        ("evaluate --config_file configs/train.json", ["configs/train.json", EVALUATE]),
        ("pretrain --+config_file configs/beyond/ema.yaml", [*TINY, "beyond/ema.yaml", "configs/pretrain.json"]),
        ("infer --bundle_root ROOT", ["configs/inference.json"]),
        ("train --bundle_root ROOT", ["configs/train.json"]),
        ("evaluate --bundle_root ROOT", ["configs/train.json", EVALUATE]),
    ],
)
def test_config_files_are_found_from_any_folder(typed, expected, started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(typed.replace("ROOT", str(ROOT)).split()) == 0
    ((name, *arguments),) = started
    assert name == "lgm-vit"
    assert arguments[0] == "run"
    assert files(arguments) == expected


def test_a_file_of_one_s_own_goes_first_and_knobs_are_handed_on(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "args.json").write_text('{"config_file": "configs/train.json", "seed": 3, "num_folds": 5}')
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/train.json").write_text("{}")
    assert main(["train", "--args_file", "args.json", "--seed", "-4", "--resume", "--finder#channels=['a','b']"]) == 0
    config, *rest = started[0][2:]
    assert config == f"--config_file={[str(tmp_path / 'configs/train.json')]}"
    assert rest == ["--bundle_root='.'", "--num_folds=5", "--seed", "-4", "--resume", "--finder#channels=['a','b']"]
    assert main(["train", "--args_file", "args.json", "--config_file", "configs/sizes/tiny.yaml"]) == 0
    assert started[1][3:] == ["--bundle_root='.'", "--seed=3", "--num_folds=5"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("train --args_file tinny", "configs/args/tinny.json must be a config file"),
        ("train --+config_file configs/beyond/none.yaml", "configs/beyond/none.yaml must be a config file"),
        ("train DATA", "DATA must follow a name"),
        ("train --seed 3 4", "4 must follow a name"),
        ("train --args_file evaluate_tiny", "use that command"),
        ("infer --dataset_dir DATA", "--bundle_root must be the folder of an unpacked bundle"),
        ("check DATA", "DATA must follow a name"),
    ],
)
def test_what_cannot_be_run_is_said(typed, told, started, capsys):
    assert main(typed.split()) == 2
    assert told in capsys.readouterr().err
    assert not started


def test_check_takes_the_recipe_from_any_folder(monkeypatch, tmp_path):
    given = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules[main.__module__], "run_script", lambda *arguments: given.append(arguments) or 0)
    assert main(["check", "--dataset_dir", "DATA"]) == 0
    ((path, name, arguments),) = given
    assert (path.name, name, arguments[-2:]) == ("check_data.py", "lgm-vit check", ["--dataset_dir", "DATA"])
    assert files(["run", *arguments]) == RECOMMENDED
    main(["check", "--datalist", "a.json"])
    main(["experiments", "configs/experiments/demo.yaml"])
    assert [arguments for _, _, arguments in given[1:]] == [
        ["--datalist", "a.json"],
        [str(ROOT / "configs/experiments/demo.yaml")],
    ]
