"""Cases that an earlier inference has done."""

from bundle.handlers import finished_cases


def test_only_complete_and_visible_folders_count(tmp_path):
    for name in ("b", "a", ".1234.part-c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").touch()
    (tmp_path / "no case").mkdir()
    (tmp_path / "summary.json").touch()
    assert finished_cases(tmp_path) == ["a", "b"]
    assert finished_cases(tmp_path / "missing") == []
