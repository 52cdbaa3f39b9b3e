"""Every run in one line, from what a training leaves in its folder."""

from evaluated_run import write_run
from torch.utils.tensorboard import SummaryWriter

from bundle.experiments import runs_table
from bundle.writers import write_json


def write_training(folder, resumed=None):
    """A run that was best in its second epoch and trained for six and a half minutes."""
    folder.mkdir(parents=True)
    metrics = write_run(folder, 0, 0.6)
    with SummaryWriter(str(folder)) as events:
        for epoch, score in ((1, 0.5), (2, 0.75), (3, 0.625)):
            events.add_scalar("key_score", score, epoch)
    times = {"started": "2026-01-01T10:00:00+00:00", "completed": "2026-01-01T10:06:30+00:00", "resumed": resumed}
    write_json(folder / "run.json", times)
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
        "pointing game": "0.600",
        "IoU": "n/a",
        "best on validation": "0.750",
        "at epoch": "2",
        "minutes": "6.5",
    }


def test_a_run_that_rested_has_no_minutes(tmp_path):
    write_training(tmp_path / "fold0", resumed="2026-01-01T10:05:00+00:00")
    assert runs_table({"good": [tmp_path / "fold0"]}).rows[0][-1] == "n/a"


def test_a_run_without_its_events_is_shown_with_what_is_there(tmp_path):
    write_run(tmp_path, 0, 0.6)
    assert runs_table({"good": [tmp_path]}).rows[0][-3:] == ["n/a", "n/a", "n/a"]
