import pytest

from bundle.volumes import count_positive, label_problems, read_slice_labels

BAD = {
    "index,class\n0,1\n": r"line 1, must have the header 'slice_index,class', got 'index,class'",
    "": r"line 1, must have the header 'slice_index,class', got ''",
    "slice_index,class\n0,1\n1,0\n0,0\n": r"line 4, must name each slice once, got slice 0 again",
    "slice_index,class\n5,1\n": r"line 2, must have a slice_index from 0 to 4, got 5:",
    "slice_index,class\n-1,1\n": r"line 2, must have a slice_index from 0 to 4, got -1:",
    "slice_index,class\n0,2\n": r"line 2, must have a class from 0 to 1, got 2:",
    "slice_index,class\n0,-1\n": r"line 2, must have a class from 0 to 1, got -1:",
    "slice_index,class\n\n0,yes\n": r"line 3, must hold two whole numbers, got '0,yes'",
    "slice_index,class\n0,1.0\n": r"line 2, must hold two whole numbers, got '0,1.0'",
    "slice_index,class\n0\n": r"line 2, must hold two whole numbers, got '0'",
}


@pytest.mark.parametrize("text", BAD)
def test_errors_name_file_and_line(tmp_path, text):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"labels.csv, {BAD[text]}"):
        read_slice_labels(tmp_path / "labels.csv", num_slices=5, num_classes=1)


@pytest.mark.parametrize(("num_classes", "accepted"), [(None, True), (4, True), (3, False), (1, False)])
def test_classes_are_checked_where_their_number_is_known(tmp_path, num_classes, accepted):
    # a byte order mark and Windows line ends, as spreadsheets write them
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbfslice_index, class\r\n1, 3\r\n")
    if accepted:
        assert read_slice_labels(tmp_path / "labels.csv", 3, num_classes).tolist() == [-1, 3, -1]
        return
    with pytest.raises(ValueError, match=f"a class from 0 to {max(num_classes - 1, 1)}, got 3:"):
        read_slice_labels(tmp_path / "labels.csv", 3, num_classes)


def test_without_number_of_classes_only_negative_ones_are_wrong(tmp_path):
    (tmp_path / "labels.csv").write_text("slice_index,class\n0,-1\n")
    with pytest.raises(ValueError, match="must have a class from 0, got -1:"):
        read_slice_labels(tmp_path / "labels.csv", 3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"labels\.csv"):
        read_slice_labels(tmp_path / "labels.csv", 3)


@pytest.mark.parametrize(
    "text",
    [
        "slice_index,class,\n0,1,\n2,0,,\n",
        "# by reader A\nslice_index,class\n0,1  # unsure\n\n,\n2 , 0\n",
        "\ufeffslice_index,class\r\n0,1\r\n2,0\r\n",
    ],
)
def test_what_spreadsheets_and_people_add_is_left_out_by_check_and_loader(tmp_path, text):
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    assert list(label_problems(tmp_path / "c.csv", 3, 1)) == []
    assert count_positive(tmp_path / "c.csv") == 1
    assert read_slice_labels(tmp_path / "c.csv", 3).tolist() == [1, -1, 0]
