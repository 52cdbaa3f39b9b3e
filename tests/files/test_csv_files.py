"""Tables come back from CSV files as they were."""

import numpy as np
import pandas as pd
import pytest

from bundle.files import read_csv, write_csv


def test_numbers_keep_their_digits_and_integers_stay_beside_empty_cells(tmp_path):
    rows = [
        {"n": 1, "f": 0.1 + 0.2, "f32": np.float32(0.1), "b": True},
        {"n": None, "f": float("nan"), "f32": 1e-30, "b": None},
        {"n": np.int64(3), "f": 1e300},
    ]
    assert write_csv(tmp_path / "a.csv", rows).read_text().splitlines() == [
        "n,f,f32,b",
        "1,0.30000000000000004,0.10000000149011612,True",
        ",,1e-30,",
        "3,1e+300,,",
    ]
    back = read_csv(tmp_path / "a.csv", text=["b"])
    assert back["n"].tolist() == [1, pd.NA, 3]
    np.testing.assert_array_equal(back["f"], [0.1 + 0.2, np.nan, 1e300])
    assert write_csv(tmp_path / "b.csv", back).read_bytes() == (tmp_path / "a.csv").read_bytes()


def test_a_data_frame_is_written_like_its_rows(tmp_path):
    table = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "f": np.float32([0.1, np.nan]), "t": ["NA", ""]})
    assert write_csv(tmp_path / "a.csv", table).read_text() == "n,f,t\n1,0.10000000149011612,NA\n,,\n"


WORDS = ["NA", "nan", "None", "null", "007", "1e5", "True", "", " x ", 'a, "b"', "ü", "two\nlines"]


@pytest.mark.parametrize("text", [None, ["word"]])
def test_text_is_never_a_number_or_empty(text, tmp_path):
    path = write_csv(tmp_path / "a.csv", [{"word": word, "n": k} for k, word in enumerate(WORDS)])
    table = read_csv(path, text=text)
    assert table["word"].tolist() == WORDS
    assert table["n"].tolist() == ([str(k) for k in range(len(WORDS))] if text is None else list(range(len(WORDS))))


def test_a_cell_that_is_no_number_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("case,p\na,0.5\nb,high\n")
    with pytest.raises(ValueError, match=r"a\.csv: the column p must hold numbers, got .*'high'"):
        read_csv(tmp_path / "a.csv", text=["case"])


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path):
    (tmp_path / "a.csv").write_text("case\na\n", encoding="utf-8-sig")
    assert list(read_csv(tmp_path / "a.csv")) == ["case"]


def test_files_without_rows_or_header(tmp_path):
    assert len(read_csv(write_csv(tmp_path / "a.csv", [], columns=["a"]), text=())) == 0
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(ValueError, match=r"b\.csv: the first line must be a header, got an empty file"):
        read_csv(tmp_path / "b.csv")
