"""Files and folders appear whole or not at all, whatever happens while they are written."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from bundle.files import atomic_folder, exchange_paths, folder_atomically, write_atomically


def fail(part):
    (part / "half" if part.is_dir() else part).write_text("half")
    raise RuntimeError("disk full")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = write_atomically(tmp_path / "new" / "a.txt", lambda part: part.write_text("old"))
    with pytest.raises(RuntimeError, match="disk full"):
        write_atomically(file, fail)
    assert file.read_text() == "old"
    assert [found.name for found in file.parent.iterdir()] == ["a.txt"]


def test_the_part_has_the_ending_of_the_file(tmp_path):
    write_atomically(tmp_path / "a.nii.gz", lambda part: part.write_text(part.name))
    assert (tmp_path / "a.nii.gz").read_text().endswith("a.nii.gz")


@pytest.fixture(params=["one step", "two steps"])
def folder(request, tmp_path, monkeypatch):
    """A finished folder, where the system can exchange two folders and where it cannot."""
    if request.param == "two steps":
        monkeypatch.setattr(atomic_folder, "exchange_paths", lambda one, other: False)
    return folder_atomically(tmp_path / "case", lambda part: (part / "old").touch())


def names(folder):
    return sorted(found.name for found in folder.iterdir())


def test_a_folder_is_replaced_as_a_whole(folder):
    folder_atomically(folder, lambda part: (part / "new").touch())
    assert (names(folder), names(folder.parent)) == (["new"], ["case"])


def test_a_failed_fill_leaves_the_old_folder(folder):
    with pytest.raises(RuntimeError, match="disk full"):
        folder_atomically(folder, fail)
    assert (names(folder), names(folder.parent)) == (["old"], ["case"])


def test_a_folder_set_aside_by_a_killed_process_comes_back(folder):
    folder.rename(folder.with_name(".old-case"))
    with pytest.raises(RuntimeError):
        folder_atomically(folder, fail)
    assert (names(folder), names(folder.parent)) == (["old"], ["case"])


def test_only_stale_parts_are_swept(folder):
    stale, young = (folder.with_name(f".{name}.part-other") for name in ("1", "2"))
    stale.mkdir()
    young.mkdir()
    os.utime(stale, (time.time() - 3600,) * 2)
    folder_atomically(folder, lambda part: None)
    assert names(folder.parent) == [".2.part-other", "case"]
    assert atomic_folder.seconds_old(stale) == 0.0


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "case").touch()
    with pytest.raises(NotADirectoryError, match="case to be a folder"):
        folder_atomically(tmp_path / "case", lambda part: None)


@pytest.mark.skipif(sys.platform != "linux", reason="a Linux system call")
def test_exchange(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not exchange_paths(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot exchange")
    assert (names(tmp_path / "a"), names(tmp_path / "b")) == (["b"], ["a"])
    assert not exchange_paths(tmp_path / "a", tmp_path / "missing")


def test_systems_without_the_call_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda *args, **kwargs: object())
    assert not exchange_paths(tmp_path, tmp_path)


KILLED = """
import sys
from pathlib import Path
from bundle.files import folder_atomically
def fill(part):
    (part / "a").write_text("x"); (part / "b").write_text("x")
print("go", flush=True)
while True:
    folder_atomically(Path(sys.argv[1]) / "case", fill)
"""


def test_a_killed_process_leaves_the_folder_whole(tmp_path):
    folder_atomically(tmp_path / "case", lambda part: [(part / name).touch() for name in "ab"])
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}) as process:
        process.stdout.readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert names(tmp_path / "case") == ["a", "b"]
