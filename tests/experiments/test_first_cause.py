"""Users are told why a run failed, not only which component MONAI could not make."""

import traceback

import pytest

from bundle.experiments.process_group import first_cause
from bundle.experiments.run import BundleRun


def deep(depth, message):
    if depth == 0:
        raise ValueError(message)
    try:
        deep(depth - 1, message)
    except Exception as error:
        raise RuntimeError(f"Failed to instantiate {depth}") from error


def log(depth, message="no such site"):
    try:
        deep(depth, message)
    except Exception as error:
        return "10:00:00 INFO start\n" + "".join(traceback.format_exception(error))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_finds_the_first_link_of_a_chain(depth):
    assert first_cause(log(depth)) == "ValueError: no such site"


def test_keeps_all_lines_of_a_message():
    message = "2 problems in 1 case:\n  error: a.nii: NaN\n  error: b.nii: NaN"
    assert first_cause(log(2, message)) == f"ValueError: {message}"


def test_takes_the_last_error_of_a_log():
    assert first_cause(log(2, "first") + log(1, "second") + "\n10:00:01 INFO end\n") == "ValueError: second"
    assert first_cause(log(2, "first") + log(0, "second")) == ""


def test_last_words_are_those_of_the_last_attempt(tmp_path):
    run = BundleRun("a", tmp_path, ["train.json"])
    run.log.write_text(f"$ python -m monai.bundle run\n{log(2, 'first')}$ python -m monai.bundle run\nKilled\n")
    assert run.last_words() == "Killed"


def test_finds_nothing_where_nothing_is_chained():
    assert first_cause(log(0)) == first_cause("killed\n") == first_cause("") == ""


def test_last_words_of_a_run_begin_with_the_cause_unless_it_is_in_sight(tmp_path):
    run = BundleRun("a", tmp_path, ["train.json"])
    run.log.write_text(log(3))
    assert run.last_words(2).startswith("ValueError: no such site\n...\n")
    assert run.last_words(2).endswith("RuntimeError: Failed to instantiate 3")
    assert run.last_words(100) == log(3).strip("\n")
