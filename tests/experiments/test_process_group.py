"""What a run started ends with it: real processes, no training."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import ROOT

from bundle.experiments import ProcessGroup
from bundle.experiments.process_group import ended_like_ctrl_c

# a command with a worker of its own; both say who they are
PARENT = """
import subprocess, sys, os, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {worker.pid}")
time.sleep(600)
"""

# the queue of two runs whose command is PARENT
QUEUE = """
import sys
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
    queue = subprocess.Popen(
        [sys.executable, "-c", QUEUE, PARENT, tmp_path], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )
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
