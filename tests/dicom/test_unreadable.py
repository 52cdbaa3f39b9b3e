"""What cannot be read in a study folder is named, and takes nothing else with it."""

import errno
import os

import pytest
from support.dicom_series import series

pytest.importorskip("pydicom", minversion="3")
from bundle.volumes.dicom_series import find_stacks, headers, open_file, read_headers


@pytest.fixture
def found(tmp_path):
    """Read the folder; return its one stack, and the reasons of what was set aside by kind."""

    def found():
        [stack], asides = find_stacks(read_headers(tmp_path))
        return stack, [(aside.kind, aside.reason) for aside in asides]

    return found


def failing(original, ending, error):
    def call(path, **more):
        if str(path).endswith(ending):
            raise OSError(error, os.strerror(error), str(path))
        return original(path, **more)

    return call


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_folder_that_cannot_be_listed_is_named(tmp_path, found, monkeypatch, error):
    series(tmp_path)
    series(tmp_path / "more", SeriesInstanceUID="1.2.5")
    monkeypatch.setattr(os, "scandir", failing(os.scandir, "more", error))
    stack, asides = found()
    assert asides == [("damaged", "a folder that cannot be read: allow it, or copy it again")]
    assert list(stack.flags) == ["lost"]


@pytest.mark.parametrize("suffix", [".dcm", ""])
def test_a_link_to_a_slice_that_is_gone_is_a_slice_that_is_lost(tmp_path, found, suffix):
    for path in series(tmp_path):
        path.rename(path.with_name(f"IM{path.stem[-1]}{suffix}"))
    last = tmp_path / f"IM5{suffix}"
    last.unlink()
    last.symlink_to(tmp_path / "gone")
    (tmp_path / "latest").symlink_to(tmp_path / "gone too")  # nothing tells that this was an image
    stack, asides = found()
    assert len(stack.planes) == 4
    assert list(stack.flags) == ["lost"]
    assert sorted(kind for kind, _ in asides) == ["damaged", "not DICOM"]


@pytest.mark.parametrize("suffix", [".dcm", ""])
def test_a_file_that_vanishes_while_the_folder_is_read_takes_no_other_with_it(tmp_path, found, monkeypatch, suffix):
    for path in series(tmp_path):
        path.rename(path.with_name(f"IM{path.stem[-1]}{suffix}"))
    opened = headers._opened

    def gone(path, **more):
        if path.stem == "IM5":
            path.unlink()
        return opened(path, **more)

    monkeypatch.setattr(headers, "_opened", gone)
    stack, asides = found()
    assert (len(stack.planes), list(stack.flags)) == (4, ["lost"])
    assert [kind for kind, _ in asides] == ["damaged"]


def test_pipes_and_links_in_a_circle_are_left_alone(tmp_path, found):
    series(tmp_path)
    os.mkfifo(tmp_path / "pipe.dcm")
    (tmp_path / "null.dcm").symlink_to("/dev/null")
    stack, asides = found()
    assert (len(stack.planes), asides) == (5, [])


def test_a_file_in_a_folder_that_may_be_listed_and_not_entered_is_named(tmp_path, found, monkeypatch):
    series(tmp_path)
    paths = [path.rename(path.with_suffix("")) for path in series(tmp_path / "more", SeriesInstanceUID="1.2.5")]
    status = type(tmp_path).stat

    def denied(path, **more):
        if path in paths:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return status(path, **more)

    monkeypatch.setattr(type(tmp_path), "stat", denied)
    monkeypatch.setattr(headers, "_opened", lambda path, _=headers._opened, **more: path.stat() and _(path, **more))
    assert [kind for kind, _ in found()[1]] == ["damaged"] * 5


def test_a_file_cut_off_in_its_header_is_a_slice_that_is_lost(tmp_path, found):
    last = series(tmp_path)[-1]
    content = last.read_bytes()
    for tag in (b"\x20\x00\x0d\x00UI", b"\x20\x00\x0e\x00UI"):  # before the study, or the series, is told
        last.write_bytes(content[: content.index(tag)])
        stack, asides = found()
        assert (len(stack.planes), list(stack.flags)) == (4, ["lost"])
        assert [kind for kind, _ in asides] == ["refused"]


def test_a_large_file_that_begins_like_a_header_is_told_at_once(tmp_path, monkeypatch):
    read = open_file.dcmread
    monkeypatch.setattr(open_file, "dcmread", lambda path, force=False, **more: 1 / 0 if force else read(path, **more))
    (tmp_path / "scan.raw").write_bytes(b"\x08\x00".ljust(1 << 15, b"\0"))
    [aside] = read_headers(tmp_path).asides
    assert aside.kind == "not DICOM"
