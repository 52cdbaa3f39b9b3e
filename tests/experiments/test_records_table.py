"""Tables of committed records, which have no predictions."""

import pytest
from conftest import ROOT
from support.processes import python

from bundle.experiments import records_tables
from bundle.files import write_json


def write_records(root, rows):
    """Records of two runs a row, with these F1; as many patients are missed as slices are found."""
    folders = {row: [root / row / str(number) for number in range(len(values))] for row, values in rows.items()}
    for row, values in rows.items():
        for folder, value in zip(folders[row], values, strict=True):
            scores = {"f1": value, "auroc": None, "patients_missed_share": value}
            content = {"slice": scores, "slice_at_0.5": {"f1": 0.5}, "map": {"iou": value / 2}}
            write_json(folder / "metrics.json", content)
    return folders


def test_means_and_gains_run_by_run(tmp_path):
    means, gains = records_tables(write_records(tmp_path, {"base": [0.5, 0.75], "good": [0.75, 0.75]})).values()
    first = dict(zip(means.columns, means.rows[0], strict=True))
    assert (first[""], first["F1"], first["F1 at 0.5"]) == ("base", "0.625 ± 0.177", "0.500 ± 0.000")
    assert means.columns == ["", "F1", "F1 at 0.5", "patients missed", "IoU"], "no column without a value"
    (line,) = gains.rows
    gain = dict(zip(gains.columns, line, strict=True))
    assert (gain[""], gain["F1"], gain["IoU"]) == ("good", "0.125 ± 0.177, 1 of 2", "0.062 ± 0.088, 1 of 2")
    assert gain["patients missed"] == "0.125 ± 0.177, 0 of 2", "more missed patients are no gain"


def test_any_row_can_be_the_baseline(tmp_path):
    folders = write_records(tmp_path, {"base": [0.5], "good": [0.75]})
    _, gains = records_tables(folders, "good").values()
    assert gains.rows[0][:2] == ["base", "-0.250, 0 of 1"]
    with pytest.raises(ValueError, match="baseline must be one of the rows base, good, got 'bad'"):
        records_tables(folders, "bad")


def test_rows_of_other_repeats_and_missing_records_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"same repeats, got \{'base': 2, 'good': 1\} records"):
        records_tables(write_records(tmp_path, {"base": [0.5, 0.5], "good": [0.5]}))
    with pytest.raises(FileNotFoundError, match=r"metrics\.json"):
        records_tables({"base": [tmp_path / "nobody"]})


def test_the_script_tabulates_the_records_of_this_repository(tmp_path):
    """Beyond the paper, as docs/experiments.md has its rows: means of five folds."""
    command = [ROOT / "scripts/tabulate_records.py", ROOT / "configs/experiments/beyond_lgg.yaml"]
    options = [ROOT / "docs/results", "--rows", "lgmvit", "augmentation", "--save", tmp_path / "beyond.md"]
    status, printed = python(*command, *options, cwd=tmp_path)
    assert status == 0, printed
    text = (tmp_path / "beyond.md").read_text(encoding="utf-8")
    assert printed.endswith(text)
    assert "| lgmvit | 0.786 ± 0.044 | 0.779 ± 0.053 | 0.866 ± 0.027 | 0.918 ± 0.020 |" in text
    assert "Gain over lgmvit run by run" in text
