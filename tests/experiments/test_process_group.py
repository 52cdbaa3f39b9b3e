"""Processes that a run started end with it: real processes, no training."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import pytest
from conftest import ROOT
from support.processes import Forked

from bundle.experiments import ProcessGroup
from bundle.experiments.process_group import ended_like_ctrl_c, root_error
from bundle.experiments.run import BundleRun

# a command with a worker of its own; both say who they are
PARENT = """
import subprocess, sys, os, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {worker.pid}")
time.sleep(600)
"""

# The queue of two runs whose command is PARENT. It undoes what `make test &` (ignores SIGINT) or nohup (SIGHUP) left.
QUEUE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from pathlib import Path
from bundle.experiments import BundleRun, RunQueue
class Run(BundleRun):
    def commands(self):
        return [[sys.executable, "-c", sys.argv[1], self.output_dir / "pids"]]
RunQueue([Run(name, Path(sys.argv[2]) / name, []) for name in "ab"], parallel=2)()
"""


def alive(pid):
    """Whether a process runs; one that ended and was not waited for yet is none."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def wait_for(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited for a minute in vain")


def pids(file):
    wait_for(lambda: file.exists() and len(file.read_text().split()) == 2)
    return [int(pid) for pid in file.read_text().split()]


def test_end_reaches_the_workers_of_a_command(tmp_path):
    group, codes = ProcessGroup(), []
    waiting = threading.Thread(target=lambda: codes.append(group.run([sys.executable, "-c", PARENT, tmp_path / "p"])))
    waiting.start()
    started = pids(tmp_path / "p")
    group.end()
    waiting.join(timeout=60)
    assert codes == [-signal.SIGTERM]
    wait_for(lambda: not any(map(alive, started)))


def test_what_does_not_listen_is_killed(tmp_path):
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{PARENT}"
    group, codes = ProcessGroup(), []
    waiting = threading.Thread(target=lambda: codes.append(group.run([sys.executable, "-c", deaf, tmp_path / "p"])))
    waiting.start()
    started = pids(tmp_path / "p")
    group.end(grace_s=0.2)
    waiting.join(timeout=60)
    assert codes == [-signal.SIGKILL]
    wait_for(lambda: not any(map(alive, started)))


def test_an_ended_group_starts_nothing(tmp_path):
    group = ProcessGroup()
    group.end()
    assert group.run([sys.executable, "-c", f"open({str(tmp_path / 'x')!r}, 'w')"]) < 0
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_queue_that_is_told_to_end_leaves_no_process_behind(number, tmp_path):
    queue = Forked(["-c", QUEUE, PARENT, tmp_path], ROOT, os.environ)
    try:
        started = [pid for name in "ab" for pid in pids(tmp_path / name / "pids")]
        queue.send_signal(number)
        assert queue.wait(timeout=60) != 0
    finally:
        queue.kill()
    wait_for(lambda: not any(map(alive, started)))


def test_signals_are_as_before_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ended_like_ctrl_c():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_ignored_signal_stays_ignored():
    """nohup ignores SIGHUP so that a queue outlives the terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_like_ctrl_c():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


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
    assert root_error(log(depth)) == "ValueError: no such site"


def test_keeps_all_lines_of_a_message():
    message = "2 problems in 1 case:\n  error: a.nii: NaN\n  error: b.nii: NaN"
    assert root_error(log(2, message)) == f"ValueError: {message}"


def test_takes_the_last_error_of_a_log():
    assert root_error(log(2, "first") + log(1, "second") + "\n10:00:01 INFO end\n") == "ValueError: second"
    assert root_error(log(2, "first") + log(0, "second")) == ""


def test_last_words_are_those_of_the_last_attempt(tmp_path):
    run = BundleRun("a", tmp_path, ["train.json"])
    run.log.write_text(f"$ python -m monai.bundle run\n{log(2, 'first')}$ python -m monai.bundle run\nKilled\n")
    assert run.last_words() == "Killed"


def test_finds_nothing_where_nothing_is_chained():
    assert root_error(log(0)) == root_error("killed\n") == root_error("") == ""


def test_last_words_of_a_run_begin_with_the_cause_unless_it_is_in_sight(tmp_path):
    run = BundleRun("a", tmp_path, ["train.json"])
    run.log.write_text(log(3))
    assert run.last_words(2).startswith("ValueError: no such site\n...\n")
    assert run.last_words(2).endswith("RuntimeError: Failed to instantiate 3")
    assert run.last_words(100) == log(3).strip("\n")
