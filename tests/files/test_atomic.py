"""Files and folders appear whole or not at all, whatever happens while they are written."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from bundle.files import atomic_folder, folder_atomically, write_atomically


def fail(part):
    (part / "half" if part.is_dir() else part).write_text("half")
    raise RuntimeError("disk full")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = write_atomically(tmp_path / "new" / "a.txt", lambda part: part.write_text("old"))
    with pytest.raises(RuntimeError, match="disk full"):
        write_atomically(file, fail)
    assert file.read_text() == "old"
    assert [found.name for found in file.parent.iterdir()] == ["a.txt"]


def full(part):
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    except OSError as error:
        raise RuntimeError("unexpected position") from error  # as torch.save does


def test_a_full_disk_is_said_with_the_folder(tmp_path):
    with pytest.raises(OSError, match=f"{tmp_path} must have space left, got no space left on its disk: free some"):
        write_atomically(tmp_path / "a.pt", full)
    with pytest.raises(OSError, match=f"{tmp_path} must have space left"), folder_atomically(tmp_path / "case") as part:
        full(part)
    assert list(tmp_path.iterdir()) == []


def test_the_part_has_the_ending_of_the_file(tmp_path):
    write_atomically(tmp_path / "a.nii.gz", lambda part: part.write_text(part.name))
    assert (tmp_path / "a.nii.gz").read_text().endswith("a.nii.gz")


def fill(path, name, **options):
    with folder_atomically(path, **options) as part:
        (part / name).touch()
    return path


@pytest.fixture
def folder(tmp_path):
    """A finished folder."""
    return fill(tmp_path / "case", "old")


def names(folder):
    return sorted(found.name for found in folder.iterdir())


def test_a_folder_is_replaced_as_a_whole(folder):
    fill(folder, "new")
    assert (names(folder), names(folder.parent)) == (["new"], ["case"])


def test_a_failed_fill_leaves_the_old_folder(folder):
    with pytest.raises(RuntimeError, match="disk full"), folder_atomically(folder) as part:
        fail(part)
    assert (names(folder), names(folder.parent)) == (["old"], ["case"])


def test_a_folder_set_aside_by_a_killed_process_comes_back(folder):
    folder.rename(folder.with_name(".old-case"))
    with pytest.raises(RuntimeError), folder_atomically(folder) as part:
        fail(part)
    assert (names(folder), names(folder.parent)) == (["old"], ["case"])


def test_only_stale_parts_are_swept(folder):
    stale, young = (folder.with_name(f".{name}.part-other") for name in ("1", "2"))
    stale.mkdir()
    young.mkdir()
    os.utime(stale, (time.time() - atomic_folder.STALE_SECONDS - 60,) * 2)
    fill(folder, "new")
    assert names(folder.parent) == [".2.part-other", "case"]


def test_a_part_that_a_process_still_fills_is_not_swept_however_old_it_is(folder):
    with folder_atomically(folder) as part:
        (part / "early").touch()
        for path in (part / "early", part):
            os.utime(path, (0, 0))
        fill(folder.with_name("other"), "new")
        assert names(part) == ["early"]
    assert names(folder) == ["early"]


def test_where_a_file_system_knows_no_locks_the_age_tells(folder, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(atomic_folder.fcntl, "flock", unsupported)
    stale = folder.with_name(".1.part-other")
    stale.mkdir()
    os.utime(stale, (0, 0))
    fill(folder, "new")
    assert names(folder.parent) == ["case"]


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "case").touch()
    with pytest.raises(NotADirectoryError, match="case must be a folder"):
        fill(tmp_path / "case", "new")


def test_of_two_processes_the_first_keeps_its_folder(tmp_path):
    with folder_atomically(tmp_path / "case", replace=False) as loser:
        (loser / "loser").touch()
        fill(tmp_path / "case", "winner", replace=False)
    assert (names(tmp_path / "case"), names(tmp_path)) == (["winner"], ["case"])


def test_a_part_is_young_while_a_file_in_it_changes(tmp_path):
    part = tmp_path / ".1.part-case"
    part.mkdir()
    (part / "growing").touch()
    os.utime(part, (0, 0))
    atomic_folder.remove_stale_parts(tmp_path)
    assert names(part) == ["growing"]


KILLED = """
import sys
from pathlib import Path
from bundle.files import folder_atomically
print("go", flush=True)
while True:
    with folder_atomically(Path(sys.argv[1]) / "case") as part:
        (part / "a").write_text("x"); (part / "b").write_text("x")
"""


def test_a_killed_process_leaves_the_folder_whole(tmp_path):
    with folder_atomically(tmp_path / "case") as part:
        for name in "ab":
            (part / name).touch()
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}) as process:
        process.stdout.readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    with pytest.raises(RuntimeError), folder_atomically(tmp_path / "case") as part:  # puts back what a kill set aside
        fail(part)
    assert names(tmp_path / "case") == ["a", "b"]


def test_two_that_replace_one_folder_leave_it_whole(folder):
    with folder_atomically(folder) as first:
        (first / "first").touch()
        fill(folder, "second")
    assert (names(folder), names(folder.parent)) == (["first"], ["case"])


def test_a_folder_that_another_process_puts_in_place_between_two_renames_is_replaced(folder, monkeypatch):
    rename, others = atomic_folder.Path.rename, [folder]

    def rename_and_interfere(path, target):
        rename(path, target)
        if others and path == folder:
            rename(target, others.pop())  # as `_put_back` of another process would

    monkeypatch.setattr(atomic_folder.Path, "rename", rename_and_interfere)
    fill(folder, "new")
    assert (names(folder), names(folder.parent)) == (["new"], ["case"])
