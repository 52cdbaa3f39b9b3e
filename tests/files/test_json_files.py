"""A damaged file is named, not only the place in it."""

import pytest

from bundle.files.json_files import read_json


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe{"])
def test_a_damaged_file_is_named(content, tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json must be JSON, got .*: restore or remove it"):
        read_json(path, {})


def test_what_is_absent_is_an_error_unless_something_stands_for_it(tmp_path):
    assert read_json(tmp_path / "no.json", {}) == {}
    with pytest.raises(FileNotFoundError, match=r"no\.json"):
        read_json(tmp_path / "no.json")
