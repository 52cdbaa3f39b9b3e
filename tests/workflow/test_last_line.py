"""An error ends in one line, that of the innermost error which this package worded."""

import errno
import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from torch.utils.data import DataLoader

from bundle.files import read_json
from bundle.volumes import Problem, raise_for_problems
from bundle.workflow import end_with_one_line, last_line
from bundle.workflow.last_line import cause, keep_errors_in, last_lines


@pytest.fixture(autouse=True)
def undone(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setitem(last_line._settings, "folder", None)


def raised(function, *arguments):
    with pytest.raises(BaseException) as caught:
        function(*arguments)
    return caught.value


def damaged(folder):
    path = folder / "run.json"
    path.write_text("{")
    return path


def wrapped(path):
    """As MONAI does: a transform and a component, each with words of its own."""
    try:
        read_json(path)
    except ValueError as error:
        raise RuntimeError("applying transform <object at 0x1>") from error


def test_the_cause_is_neither_the_library_below_nor_the_one_above(tmp_path):
    error = raised(wrapped, damaged(tmp_path))
    (line,) = last_lines(error)
    assert line.startswith(f"error: {tmp_path}/run.json must be JSON, got Expecting")
    assert line.endswith("restore or remove it.")


class Reads:
    """A data set whose items cannot be read."""

    def __init__(self, path):
        self.path = path

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return wrapped(self.path)


def test_an_error_in_a_loading_worker_keeps_its_words(tmp_path):
    loader = DataLoader(Reads(damaged(tmp_path)), num_workers=1, multiprocessing_context="fork")
    error = raised(list, loader)
    assert "worker process" in str(error)
    assert cause(error).startswith(f"{tmp_path}/run.json must be JSON")


def test_an_error_in_an_ingesting_worker_keeps_its_words(tmp_path):
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        error = raised(pool.submit(read_json, damaged(tmp_path)).result)
    assert cause(error).startswith(f"{tmp_path}/run.json must be JSON")


def test_a_list_of_problems_ends_with_the_first():
    problems = [Problem(f"{name}.nii", "be a file", "nothing", "copy it", case=name) for name in ("a", "b")]
    lines = last_lines(raised(raise_for_problems, problems))
    assert lines[0].endswith("case b: b.nii must be a file, got nothing: copy it.")
    assert lines[1].startswith("error: 2 problems in 2 cases must be solved first")
    assert lines[1].endswith("case a: a.nii must be a file, got nothing: copy it.")


def test_an_error_of_nobody_is_shown_with_its_type():
    assert last_lines(raised({}.__getitem__, "width")) == ["error: KeyError: 'width'"]


def test_a_full_disk_is_said_with_the_folder(tmp_path):
    keep_errors_in(tmp_path)
    assert cause(OSError(errno.ENOSPC, "No space left on device")).startswith(f"{tmp_path} must have space left, got ")


def test_ctrl_c_says_how_to_go_on():
    assert last_lines(KeyboardInterrupt())[-1].startswith("error: interrupted by ctrl-C")


def shown(error, capsys):
    sys.excepthook(type(error), error, error.__traceback__)
    return capsys.readouterr().err


def test_the_traceback_goes_into_the_folder_of_the_run(tmp_path, capsys):
    end_with_one_line()
    keep_errors_in(tmp_path)
    printed = shown(raised(wrapped, damaged(tmp_path)), capsys)
    assert printed.splitlines()[0] == f"traceback: {tmp_path}/error.log"
    assert printed.splitlines()[-1].startswith("error: ")
    assert "applying transform" in (tmp_path / "error.log").read_text()
    assert "applying transform" not in printed


def test_a_refusal_leaves_no_file_and_a_fault_a_temporary_one(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    end_with_one_line()
    assert shown(raised(read_json, damaged(tmp_path)), capsys).startswith("error: ")
    assert list(tmp_path.glob("lgm_vit_*")) == []
    printed = shown(raised({}.__getitem__, "width"), capsys)
    assert printed.endswith("error: KeyError: 'width'\n")
    assert list(tmp_path.glob("lgm_vit_*/error.log"))


def test_a_folder_that_cannot_be_written_hides_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    end_with_one_line()
    assert shown(raised({}.__getitem__, "width"), capsys) == "error: KeyError: 'width'\n"


def test_debug_shows_the_traceback_before_the_line(tmp_path, capsys):
    end_with_one_line(debug=True)
    printed = shown(raised(wrapped, damaged(tmp_path)), capsys)
    assert "applying transform" in printed
    assert printed.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize("debug", [True, False])
def test_what_ignite_logs_at_an_error_is_shown_by_debug_only(debug, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])
    monkeypatch.setattr(caplog.handler, "filters", [])
    end_with_one_line(debug)
    logging.getLogger("ignite").error("Engine run is terminating due to exception: no")
    logging.getLogger("ignite").error("other")
    assert len(caplog.messages) == 1 + debug
