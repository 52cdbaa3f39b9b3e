"""Archives: odd names, kinds, sizes and layouts are refused before anything is read."""

import dataclasses
import struct
import zipfile

import pytest

from bundle.gate import Policy
from bundle.gate.archive import read_archive

POLICY = Policy.read()


@pytest.fixture
def archive(tmp_path):
    def write(*entries, compression=zipfile.ZIP_STORED):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, data in entries:
                file.writestr(name, data)
        return path

    return write


def entry(name, **attributes):
    info = zipfile.ZipInfo(name)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


def test_files_are_read_as_names_below_the_folder(archive):
    assert read_archive(archive(("a/", ""), ("a/b/c.txt", b"1"), ("a/.gitkeep", b"")), POLICY) == (
        {"b/c.txt": b"1", ".gitkeep": b""},
        [],
    )


@pytest.mark.parametrize(
    "name",
    [
        "/a/b", "../a", "a/../../b", "a/./b", "a//b", "a\\b", "a/..", "C:/a", "a/b:c", "a/.hidden", "a/b ", "a/b.",
        "a/c\u043efigs", "a/b\n", "a/con", "a/LPT1.txt", "a/-rf", "a/~", "a", "a/b\0.txt", "a/..b",
    ],
)  # fmt: skip
def test_a_name_that_is_another_file_somewhere_is_refused(archive, name):
    info = zipfile.ZipInfo("x")
    info.filename = name
    files, found = read_archive(archive((info, b"")), POLICY)
    assert (files, bool(found)) == ({}, True)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("a/b", b""), ("a/b", b"1")], "be there once"),
        ([("a/b", b""), ("a/B", b"1")], "be there once"),
        ([("a/b", b""), ("a/b/c", b"1")], "lie in a folder"),
        ([("a/b", b""), ("c/d", b"1")], "hold one folder"),
        ([], "hold files"),
        ([(entry("a/b", external_attr=0o120777 << 16), b"/etc/passwd")], "be a file or a folder"),
        ([(entry("a/b", external_attr=0o020666 << 16), b"")], "be a file or a folder"),
        ([(entry("a/b/", external_attr=0o100666 << 16), b"")], "be a file or a folder"),
        ([(entry("a/b", external_attr=0o104755 << 16), b"")], "have no rights of another user"),
        ([(entry("a/b", compress_type=zipfile.ZIP_LZMA), b"1")], "be stored or deflated"),
        ([(entry("a/b", compress_type=zipfile.ZIP_DEFLATED), bytes(9_000_000))], "be no zip bomb"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_odd_entries_are_refused(archive, entries, expected):
    files, found = read_archive(archive(*entries), POLICY)
    assert files == {}
    assert expected in [finding.expected for finding in found]


def test_limits_are_the_policy_s(archive):
    policy = dataclasses.replace(POLICY, limits={"files": 1, "unpacked_mb": 0.000001, "times_packed": 200})
    _, found = read_archive(archive(("a/b", b"12"), ("a/c", b"34")), policy)
    assert [finding.expected for finding in found] == ["hold up to 1 files", "hold up to 1e-06 MB"]


def test_an_archive_behind_or_before_other_bytes_is_refused(archive):
    path = archive(("a/b", b"1"))
    data = path.read_bytes()
    for odd in (b"#!/bin/sh\n" + data, data[:-30] + data):
        path.write_bytes(odd)
        files, found = read_archive(path, POLICY)
        assert (files, bool(found)) == ({}, True)


def test_an_entry_that_only_a_reader_from_the_front_sees_is_refused(archive):
    path = archive(("a/b", b"1"), ("a/hidden", b"2"))
    data = path.read_bytes()
    end = data.index(b"PK\x05\x06")
    second = data.rindex(b"PK\x01\x02")
    count, size = 1, second - data.index(b"PK\x01\x02")
    last = bytearray(data[end:])
    last[8:16] = struct.pack("<HHI", count, count, size)
    path.write_bytes(data[:second] + bytes(last))
    assert zipfile.ZipFile(path).namelist() == ["a/b"]
    assert read_archive(path, POLICY)[0] == {}


def test_an_entry_with_a_second_name_is_refused(archive):
    second = b"../../x"
    field = struct.pack("<HHBL", 0x7075, 5 + len(second), 1, 0) + second
    _, found = read_archive(archive((entry("a/b", extra=field), b"1")), POLICY)
    assert "field 0x7075" in [finding.got for finding in found]
    dates = struct.pack("<HHBL", 0x5455, 5, 1, 0)
    assert read_archive(archive((entry("a/b", extra=dates), b"1")), POLICY) == ({"b": b"1"}, [])


def test_a_header_that_says_otherwise_than_the_list_is_refused(archive):
    path = archive(("a/b", b"12345"))
    data = path.read_bytes()
    for place, byte in ((6, b"\x01"), (8, b"\x08"), (18, b"\x04"), (22, b"\x04")):
        path.write_bytes(data[:place] + byte + data[place + 1 :])
        files, found = read_archive(path, POLICY)
        assert (files, [finding.expected for finding in found]) == ({}, ["be told in one way"])


def test_comments_are_refused(archive):
    path = archive((entry("a/b", comment=b"x"), b"1"))
    with zipfile.ZipFile(path, "a") as file:
        file.comment = b"x"
    _, found = read_archive(path, POLICY)
    assert [(finding.place, finding.expected) for finding in found] == [
        ("a/b", "have no comment"),
        ("", "have no comment"),
    ]


@pytest.mark.parametrize("damage", ["", "PK", "no zip at all"])
def test_what_is_no_zip_is_said(tmp_path, damage):
    path = tmp_path / "a.zip"
    path.write_text(damage)
    files, (finding,) = read_archive(path, POLICY)
    assert (files, finding.expected) == ({}, "be a whole zip archive")


def test_a_wrong_checksum_and_an_encrypted_entry_are_refused(archive):
    path = archive(("a/b", b"12345"))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"12345", b"12346"))
    assert "CRC" in str(read_archive(path, POLICY)[1][0])
    central = data.index(b"PK\x01\x02")
    path.write_bytes(data[: central + 8] + b"\x01" + data[central + 9 :])
    assert "be readable" in [finding.expected for finding in read_archive(path, POLICY)[1]]
