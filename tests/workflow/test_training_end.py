"""The last lines of a training, with a command that can be pasted."""

import logging
import shlex
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from ignite.engine import Engine

from bundle.workflow import TrainingEnd
from bundle.workflow.command_line import CommandLine
from bundle.workflow.training_end import evaluation_command

MONAI = "/lib/monai/bundle/__main__.py"


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="bundle")
    # other tests may have let Ignite speak
    return lambda: [(one.levelname, one.message) for one in caplog.records if one.name.startswith("bundle")]


def end(labels, *, best=-1, **options):
    """Run three epochs, with validation slices of these labels."""
    state = SimpleNamespace(best_metric=0.75, best_metric_epoch=best, best_average_precision=0.8125)
    engine = Engine(lambda engine, batch: None)
    dataset = SimpleNamespace(labels=np.array(labels, dtype=np.int16))
    TrainingEnd("runs/my run", "runs/m", SimpleNamespace(state=state), dataset, "auroc", **options).attach(engine)
    engine.run([0], max_epochs=3)


def test_the_best_epoch_its_weights_the_time_and_what_comes_next(lines, monkeypatch):
    monkeypatch.setattr(sys, "argv", [MONAI, "run", "--config_file", "/b/configs/train.json", "--output_dir", "my run"])
    end([0, 1, -1], best=2)
    assert lines() == [
        ("INFO", "Best epoch 2 of 3: validation auroc 0.750, average precision 0.812."),
        ("INFO", "Weights: runs/m/model.pt"),
        (
            "INFO",
            "Trained for 0.0 minutes. Curves: runs/my run/curves.png, and by tensorboard --logdir 'runs/my run'",
        ),
        (
            "INFO",
            "Next, score the test patients: python -m monai.bundle run --output_dir 'my run' "
            """--config_file '["/b/configs/train.json", "/b/configs/evaluate.json"]'""",
        ),
    ]


@pytest.mark.parametrize(
    ("labels", "lack"),
    [
        ([0, 0, -1], "only negative slices"),
        ([1, 1], "only positive slices"),
        ([-1], "no labeled slice"),
        ([], "no labeled slice"),
    ],
)
def test_validation_that_cannot_choose_is_warned_of_at_start_and_end(labels, lack, lines):
    end(labels)
    warnings = [message for level, message in lines() if level == "WARNING"]
    assert [lack in message for message in warnings] == [True, True]
    assert "model.pt will hold the weights of the last" in warnings[0]
    assert "weights are those of the last epoch, 3" in warnings[1]


def test_a_training_that_was_never_validated_says_so(lines):
    end([0, 1])
    assert lines()[0] == (
        "WARNING",
        "No best epoch: no epoch has a key score. The weights are those of the last epoch, 3.",
    )


def test_other_ranks_are_silent(lines):
    end([0], show=False)
    assert lines() == []


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["--config_file", "['configs/train.json','a b.yaml']"], ["configs/train.json", "a b.yaml"]),
        (["--config_file=configs/train.json", "--resume", "True"], ["configs/train.json"]),
        (["--config_file", "['configs/train.json','configs/multi_gpu_train.json']"], ["configs/train.json"]),
        (
            [
                "--config_file",
                "configs/train.json",
                "--+config_file",
                "['x.yaml']",
                "--initial_weights=m.pt",
                "--teacher=t.pt",
            ],
            ["configs/train.json", "x.yaml"],
        ),
        (["--config_file", "runs/a/config.json", "--teacher", "t.pt"], ["runs/a/config.json"]),
    ],
)
def test_the_command_has_the_same_files_and_settings(arguments, files):
    settings = ["--beta", "0.5", "--organ_weights", "-1", "--test_site", "St. Ann's"]
    command = shlex.split(evaluation_command(argv=[MONAI, "run", *arguments, *settings]))
    assert command[:4] == ["python", "-m", "monai.bundle", "run"]
    read = CommandLine.parse(command[4:])
    assert list(read.files) == [*files, "configs/evaluate.json"]
    assert read.overrides == {"beta": 0.5, "organ_weights": -1, "test_site": "St. Ann's"}


def test_files_of_an_args_file_stay_in_it(tmp_path):
    args = tmp_path / "args.json"
    args.write_text('{"config_file": ["/b/configs/train.json", "tiny.yaml"], "beta": 0.5}')
    command = shlex.split(evaluation_command(argv=[MONAI, "run", "--args_file", str(args), "--seed", "1"]))
    read = CommandLine.parse(command[4:])
    assert read.files == ("/b/configs/train.json", "tiny.yaml", "/b/configs/evaluate.json")
    assert read.overrides == {"beta": 0.5, "seed": 1}


def test_a_training_from_python_gets_words():
    assert evaluation_command(argv=["train.py"]).startswith("run the same config files")
