"""Every run in one line, from what a training leaves in its folder."""

from support.runs import write_run

from bundle.experiments import ResultsTable, runs_table, summary_table, validation_scores, validation_table
from bundle.files import write_csv


def write_training(folder, scores=(0.5, 0.75, 0.625), first=1, minutes=6.5, seed=0):
    """A run that was best in its second epoch and trained for six and a half minutes."""
    folder.mkdir(parents=True)
    metrics = write_run(folder, seed, 0.6)
    seconds = 60 * minutes / len(scores)
    rows = [{"epoch": k, "seconds": seconds, "key_score": score} for k, score in enumerate(scores, start=first)]
    write_csv(folder / "history.csv", rows)
    return metrics


def test_a_run_in_one_line(tmp_path):
    metrics = write_training(tmp_path / "fold0")
    table = runs_table({"good": [tmp_path / "fold0"]})
    assert dict(zip(table.columns, table.rows[0], strict=True)) == {
        "run": "good/fold0",
        "threshold": "0.200",
        "F1": f"{metrics['slice']['f1']:.3f}",
        "F1 at 0.5": "1.000",
        "AUROC": "1.000",
        "AP": "1.000",
        "sensitivity at 90% specificity": "1.000",
        "patients missed": "0.000",
        "pointing game": "0.600",
        "IoU": "n/a",
        "best on validation": "0.750",
        "at epoch": "2",
        "minutes": "6.5",
    }


def test_a_history_that_lacks_epochs_gives_no_minutes(tmp_path):
    """A run that an older version began and this one continued."""
    write_training(tmp_path / "fold0", first=3)
    assert runs_table({"good": [tmp_path / "fold0"]}).rows[0][-3:] == ["0.750", "4", "n/a"]


def test_scores_of_any_metric_by_epoch(tmp_path):
    rows = [{"epoch": 1, "key_score": 0.1, "auroc": None}, {"epoch": 2, "key_score": None, "auroc": 0.6}]
    write_csv(tmp_path / "history.csv", rows)
    assert validation_scores(tmp_path) == {1: 0.1}
    assert validation_scores(tmp_path, "auroc") == {2: 0.6}
    assert validation_scores(tmp_path, "f1") == {}


def test_the_summary_has_gains_epochs_and_time(tmp_path):
    folders = {row: [tmp_path / row / fold for fold in ("fold0", "fold1")] for row in ("base", "good")}
    for row, minutes, scores in (("base", 4.0, (0.5, 0.25)), ("good", 6.0, (0.25, 0.75))):
        for seed, folder in enumerate(folders[row]):
            write_training(folder, scores=scores, minutes=minutes, seed=seed)
    table = summary_table(ResultsTable(folders, 20), folders)
    assert table.columns == [
        "", "F1, pooled", "AUROC, pooled", "AP, pooled", "patients missed, pooled", "best on validation",
        "epoch of the best", "time",
    ]  # fmt: skip
    (line,) = table.rows
    assert line[0] == "good"
    assert line[1].startswith("0.000 [0.000, 0.000]"), "the same predictions"
    assert line[5:] == ["0.250 ± 0.000", "2 ± 0", "1.5"]


def test_a_run_without_a_history_is_shown_with_what_is_there(tmp_path):
    write_run(tmp_path, 0, 0.6)
    assert runs_table({"good": [tmp_path]}).rows[0][-3:] == ["n/a", "n/a", "n/a"]


def test_rows_are_compared_on_validation_run_by_run(tmp_path):
    folders = {row: [tmp_path / row / fold for fold in ("fold0", "fold1")] for row in ("base", "good")}
    for row, scores in (("base", (0.5, 0.625)), ("good", (0.75, 0.5))):
        for folder, score in zip(folders[row], scores, strict=True):
            write_training(folder, scores=(1.0, score, 0.25, 0.25, 0.25, 0.25))
    first, second = validation_table(folders).rows
    assert first == ["base", "1.000 ± 0.000", "n/a", "0.312 ± 0.018", "n/a", "1 ± 0", "6.5 ± 0.0"]
    gains = ["0.000 ± 0.000, 0 of 2", "0.325 ± 0.035", "0.012 ± 0.053, 1 of 2"]
    assert second == ["good", "1.000 ± 0.000", *gains, "1 ± 0", "6.5 ± 0.0"]
    other = validation_table(folders, "good")
    assert (other.columns[2], other.rows[0][4], other.rows[1][4]) == ("above good", "-0.012 ± 0.053, 1 of 2", "n/a")


def test_a_row_without_validation_has_no_gain(tmp_path):
    write_training(tmp_path / "base")
    write_run(tmp_path, 0, 0.6)
    assert validation_table({"base": [tmp_path / "base"], "bare": [tmp_path]}).rows[1] == ["bare", *["n/a"] * 6]
    part = validation_table({"base": [tmp_path / "base", tmp_path]}).rows[0]
    found = ["0.750 (1 of 2 runs)", "n/a", "0.625 (1 of 2 runs)", "n/a", "2 (1 of 2 runs)", "6.5 (1 of 2 runs)"]
    assert part == ["base", *found]
