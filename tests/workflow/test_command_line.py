"""The command line of `python -m monai.bundle run`, as this process would see its own."""

import json

import pytest

from bundle.workflow.command_line import CommandLine

PROGRAM = "/somewhere/monai/bundle/__main__.py"


@pytest.mark.parametrize(
    ("arguments", "files", "overrides"),
    [
        (["--config_file", "a.json"], ("a.json",), {}),
        (["--config_file=a.json", "--seed=3"], ("a.json",), {"seed": 3}),
        (["--config_file", "['a.json','b.yaml']", "--amp", "False"], ("a.json", "b.yaml"), {"amp": False}),
        (["--config_file", "a.json", "--fold", "-1"], ("a.json",), {"fold": -1}),
        (["--config_file", "a.json", "--resume", "--train#lr", "2"], ("a.json",), {"resume": True, "train#lr": 2}),
        (["evaluate", "--config_file", "a.json", "--run_id", "go"], ("a.json",), {}),
        (["--config_file", "a.json", "--batch-size", "4"], ("a.json",), {"batch_size": 4}),
    ],
)
def test_reads_files_and_overrides(arguments, files, overrides):
    command_line = CommandLine.read([PROGRAM, "run", *arguments])
    assert command_line == CommandLine(files, overrides)


@pytest.mark.parametrize("argv", [["pytest"], [PROGRAM, "verify_metadata"], [PROGRAM], ["/x/other/__main__.py", "run"]])
def test_other_programs_have_no_such_command_line(argv):
    assert CommandLine.read(argv) is None


def test_an_args_file_gives_defaults(tmp_path):
    args = tmp_path / "args.json"
    args.write_text(json.dumps({"config_file": "a.json", "seed": 1, "fold": 2}))
    command_line = CommandLine.read([PROGRAM, "run", "--args_file", str(args), "--seed", "5"])
    assert command_line == CommandLine(("a.json",), {"seed": 5, "fold": 2})


def test_none_is_left_out_as_monai_does_it():
    command_line = CommandLine.read([PROGRAM, "run", "--config_file", "a.json", "--fold", "None", "--tracking=None"])
    assert command_line == CommandLine(("a.json",), {}, left_out=("fold",))


def test_merged_is_files_then_overrides(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"network": {"_target_": "N", "width": "@width"}, "width": 2}))
    (tmp_path / "b.yaml").write_text("width: 3\n")
    command_line = CommandLine((str(tmp_path / "a.json"), str(tmp_path / "b.yaml")), {"network#depth": 4})
    merged = command_line.merged()
    assert merged["width"] == 3
    assert merged["network"] == {"_target_": "N", "width": "@width", "depth": 4}


def test_an_overlay_appends_to_the_files_of_an_args_file(tmp_path):
    args = tmp_path / "args.json"
    args.write_text(json.dumps({"config_file": ["a.json", "b.yaml"]}))
    command_line = CommandLine.read([PROGRAM, "run", "--args_file", str(args), "--+config_file", "['c.yaml']"])
    assert command_line == CommandLine(("a.json", "b.yaml", "c.yaml"))
