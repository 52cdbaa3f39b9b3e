"""The tables of an experiment, from toy runs on disk."""

import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from support.processes import python
from support.runs import write_run

from bundle.evaluation import read_predictions, write_predictions
from bundle.experiments import ResultsTable
from bundle.experiments.mask_curves import mask_curves
from bundle.experiments.results_table import p_text
from bundle.experiments.run_and_volume_tables import averaged_table, volume_table
from bundle.files import read_json, write_json
from bundle.reports import Point


@pytest.fixture
def rows(tmp_path):
    folders = {}
    for row, quality in (("baseline", 0.3), ("good", 0.6)):
        folders[row] = [tmp_path / row / f"fold{seed}" for seed in range(2)]
        for seed, folder in enumerate(folders[row]):
            folder.mkdir(parents=True)
            write_run(folder, seed, quality)
    return folders


def test_spread_over_runs(rows):
    table = ResultsTable(rows, n_resamples=50).over_runs()
    line = dict(zip(table.columns, table.rows[1], strict=True))
    shown = [line[column] for column in ("", "F1 at 0.5", "pointing game", "IoU")]
    assert shown == ["good", "1.000 ± 0.000", "0.600 ± 0.000", "n/a"]
    assert line["F1"] != line["F1 at 0.5"]


def test_pooled_scores_stand_beside_what_needs_no_network(rows):
    table = ResultsTable(rows, n_resamples=50).pooled_scores()
    lines = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(lines) == ["baseline", "good", "slice position alone", "map of the center"]
    assert lines["good"]["F1 at 0.5"] == "1.000 [1.000, 1.000]"
    assert lines["good"]["F1"] != lines["good"]["F1 at 0.5"]
    assert lines["map of the center"]["pointing game"] == "0.125 [0.125, 0.125]"
    assert lines["map of the center"]["F1"] == "n/a"
    assert lines["slice position alone"]["pointing game"] == "n/a"
    assert lines["slice position alone"]["AUROC"] != "n/a"


def test_missed_patients_are_counted_over_all_runs(rows):
    """All twelve patients are positive; the first of each fold loses every slice, at any threshold."""
    for folder in rows["good"]:
        found = read_predictions(folder / "predictions.csv")
        hidden = np.where(found.case == found.case[0], 0.0, found.probability)
        write_predictions(folder / "predictions.csv", replace(found, probability=hidden))
    table = ResultsTable(rows, n_resamples=50).pooled_scores()
    good = dict(zip(table.columns, table.rows[1], strict=True))
    for column in ("patients missed", "missed at 0.5"):
        share, interval, count = good[column].replace(" [", "|[").replace("], ", "]|").split("|")
        assert (share, count) == ("0.167", "2 of 12")
        assert interval != "[0.167, 0.167]"


def test_differences_to_the_first_row(rows):
    table = ResultsTable(rows, n_resamples=50).differences()
    assert len(table.rows) == 1
    line = dict(zip(table.columns, table.rows[0], strict=True))
    assert line["pointing game"] == "0.300 [0.300, 0.300], p = 0.039"
    assert line["IoU"] == "n/a"


@pytest.mark.parametrize(("value", "text"), [(0.04, "p = 0.040"), (0.0004, "p < 0.001"), (math.nan, "p = n/a")])
def test_a_p_value_is_never_zero(value, text):
    assert p_text(value) == text


def test_differences_to_another_row(rows):
    table = ResultsTable(rows, n_resamples=50, baseline="good").tables()[
        "difference to good, paired by patient, p-values after Holm"
    ]
    assert [line[0] for line in table.rows] == ["baseline"]
    with pytest.raises(ValueError, match="one of the rows baseline, good, got 'god'"):
        ResultsTable(rows, baseline="god")


def test_a_row_tested_on_other_slices_is_refused(rows):
    rows["good"] = rows["good"][::-1]
    with pytest.raises(ValueError, match="same slices"):
        ResultsTable(rows, n_resamples=50).differences()


def test_the_script_names_a_run_that_is_missing(tmp_path):
    command = [ROOT / "scripts/make_tables.py", ROOT / "configs/experiments/table1_lgg.yaml"]
    status, printed = python(*command, "--output_dir", tmp_path, cwd=tmp_path)
    assert status == 1
    assert "baseline/fold0: metrics.json and predictions.csv must be there" in printed


def test_the_script_compares_some_rows_with_one_of_them(rows, tmp_path):
    content = "base: [configs/train.json]\nrows: {baseline: [], none: [], good: []}\nrepeats: {fold0: {}, fold1: {}}\n"
    (tmp_path / "t.yaml").write_text(content)
    (tmp_path / "t").symlink_to(tmp_path)  # where the rows lie
    command = [ROOT / "scripts/make_tables.py", tmp_path / "t.yaml", "--output_dir", tmp_path]
    command += ["--n_resamples", "50", "--rows", "good", "baseline", "--baseline", "good", "--save", tmp_path / "saved"]
    status, printed = python(*command, cwd=tmp_path)
    assert status == 0, printed
    lines = (tmp_path / "saved/difference_to_good.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["", "baseline"]
    assert "above good" in (tmp_path / "saved/on_validation.csv").read_text()


def test_every_score_stands_beside_the_published_one(rows):
    published = {"good": {"f1": "0.888 ± 0.006", "cohen_kappa": "0.828 ± 0.011"}}
    tables = ResultsTable(rows, n_resamples=50, published=published).tables()
    table = tables["beside the paper, mean and standard deviation"]
    assert table.columns == ["", "F1", "F1, paper", "kappa", "kappa, paper"]
    assert [row[2] for row in table.rows] == ["n/a", "0.888 ± 0.006"]
    assert table.rows[1][1] == "0.770 ± 0.042"


def test_differences_to_what_needs_no_network(rows):
    results = ResultsTable(rows, n_resamples=50)
    table = results.tables()["difference to slice position alone, paired by patient, p-values after Holm"]
    assert [line[0] for line in table.rows] == ["baseline", "good"]
    good = dict(zip(table.columns, table.rows[1], strict=True))
    above = results.scored["good"]["auroc"][0] - results.scored["slice position alone"]["auroc"][0]
    assert good["AUROC"].startswith(f"{above:.3f} [")
    assert good["pointing game"] == "n/a"


def test_runs_are_averaged_each_by_its_own_order(rows):
    """`good` orders the slices of each fold perfectly; the second fold's probabilities are all lower."""
    folder = rows["good"][1]
    found = read_predictions(folder / "predictions.csv")
    write_predictions(folder / "predictions.csv", replace(found, probability=found.probability / 10))
    results = ResultsTable(rows, n_resamples=50)
    table = averaged_table(results)
    assert table.columns[:3] == ["", "AUROC", "above baseline"]
    lines = {line[0]: line for line in table.rows}
    assert list(lines) == ["baseline", "good", "slice position alone"]
    assert lines["good"][1] == "1.000 [1.000, 1.000]"
    assert results.scored["good"]["auroc"][0] < 0.9, "pooled, the two folds are in each other's way"
    mean = sum(results.per_run("baseline", "auroc")) / 2
    assert lines["baseline"][1].startswith(f"{mean:.3f} [")
    assert lines["good"][2].startswith(f"{1 - mean:.3f} [")
    assert ", p = " in lines["good"][2]
    assert lines["baseline"][2] == lines["slice position alone"][2] == "n/a", "no row is corrected for them"


def test_volumes_are_scored_by_their_three_highest_slices(rows):
    """The first volume of each fold is healthy, and no network calls it; its volume threshold is another one."""
    for row, folders in rows.items():
        for folder in folders:
            found = read_predictions(folder / "predictions.csv")
            first = found.case == found.case[0]
            healthy = replace(
                found,
                label=np.where(first, 0, found.label),
                probability=np.where(first, 0.6 if row == "baseline" else 0.1, 0.8),
            )
            write_predictions(folder / "predictions.csv", healthy)
            content = read_json(folder / "metrics.json")
            write_json(folder / "metrics.json", {**content, "volume": {"top_k_mean": {"threshold": 0.5}}})
    table = volume_table(ResultsTable(rows, n_resamples=50))
    baseline, good = (dict(zip(table.columns[1::2], line[1::2], strict=True)) for line in table.rows)
    assert [line[0] for line in table.rows] == ["baseline", "good"]
    assert good["F1"] == "1.000 [1.000, 1.000]"
    assert baseline["F1"].startswith("0.909 ["), "ten positive volumes, two false alarms"
    assert baseline["AUROC"] == good["AUROC"] == "1.000 [1.000, 1.000]"


def test_the_curve_has_a_point_for_each_share(rows, monkeypatch):
    drawn = []
    monkeypatch.setattr("bundle.experiments.results_table.score_curves", lambda *given: drawn.append(given))
    results = ResultsTable(rows, n_resamples=50)
    results.curve({"good": 100, "baseline": 0})
    ((x, curves, _),) = drawn
    assert x == [100, 0]
    assert list(curves) == ["F1", "accuracy", "AUROC"]
    assert curves["F1"] == [results.per_run("good", "f1"), results.per_run("baseline", "f1")]


def test_curves_have_a_line_for_each_method_beside_position(rows, monkeypatch):
    drawn = []
    monkeypatch.setattr("bundle.experiments.mask_curves.band_curves", lambda *given: drawn.append(given))
    results = ResultsTable(rows, n_resamples=50)
    mask_curves(results, {"guided": {"good": 100, "baseline": 0}, "plain": {"baseline": 0}})
    ((panels, _),) = drawn
    assert list(panels) == ["AUROC", "AP", "F1", "patients missed (less is better)", "pointing game"], "no run has IoU"
    assert list(panels["F1"]) == ["guided", "plain", "slice position alone"]
    assert list(panels["pointing game"]) == ["guided", "plain"], "position has no map"
    value, interval = results.scored["good"]["f1"]
    assert panels["F1"]["guided"][0] == Point(100, value, interval.low, interval.high)
