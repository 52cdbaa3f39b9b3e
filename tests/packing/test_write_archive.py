"""The zip file itself."""

import os
import zipfile

import pytest

from bundle.packing import write_archive


def test_dates_modes_and_order_do_not_depend_on_the_machine(tmp_path):
    umask = os.umask(0o077)
    try:
        one = write_archive(tmp_path / "one.zip", "f", {"b": b"2", "a/x.pt": b"1"})
    finally:
        os.umask(umask)
    other = write_archive(tmp_path / "deep/er/other.zip", "f", {"a/x.pt": b"1", "b": b"2"})
    assert one.read_bytes() == other.read_bytes()
    for info in zipfile.ZipFile(one).infolist():
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert oct(info.external_attr >> 16) == "0o100644"


def test_sums_are_those_of_the_content(tmp_path):
    path = write_archive(tmp_path / "a.zip", "f", {"empty": b""})
    # the sha256 of nothing, as FIPS 180 users know it
    expected = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n"
    assert zipfile.ZipFile(path).read("f/SHA256SUMS") == expected


@pytest.mark.parametrize("name", ["/a", "../a", "a/../../b", "a//b", "./a", "a\\b", ""])
def test_names_that_would_escape_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="expected relative names"):
        write_archive(tmp_path / "a.zip", "f", {name: b""})
    assert not list(tmp_path.iterdir())


def test_failure_leaves_the_old_archive_alone(tmp_path):
    path = write_archive(tmp_path / "a.zip", "f", {"a": b"old"})
    with pytest.raises(TypeError):
        write_archive(path, "f", {"a": b"new", "z": object()})
    with pytest.raises(UnicodeEncodeError):  # half way: the second name cannot be written
        write_archive(path, "f", {"a": b"new", "z\ud800": b""})
    assert zipfile.ZipFile(path).read("f/a") == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]
