"""A worker that ingests ends with its parent, however that ends."""

import os
import time
from pathlib import Path

from conftest import ROOT
from support.processes import Forked

# forked, not spawned as in an ingestion, which takes seconds: it is the same pipe that tells of the parent's end
PARENT = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from bundle.data.slices.ingestion import _begin_worker

pool = ProcessPoolExecutor(1, get_context("fork"), _begin_worker)
worker = pool.submit(os.getpid).result()
Path(sys.argv[1], "part").write_text(str(worker))
Path(sys.argv[1], "part").rename(Path(sys.argv[1], "worker"))
time.sleep(600)
"""


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")  # a zombie has ended too
    return not state.exists() or state.read_text().split()[2] != "Z"


def test_a_worker_ends_with_a_killed_parent(tmp_path):
    parent = Forked(["-c", PARENT, tmp_path], ROOT, os.environ)
    while not (tmp_path / "worker").exists():
        assert parent.poll(timeout=0.05) is None
    worker = int((tmp_path / "worker").read_text())
    assert is_alive(worker)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(worker)
