"""All tables and figures of an experiment, as text and as files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bundle.experiments.experiment import Experiment
from bundle.experiments.export_run_records import export_run_records
from bundle.experiments.figures import RULE, map_grid
from bundle.experiments.mask_curves import mask_curves
from bundle.experiments.results_table import ResultsTable
from bundle.experiments.run_and_volume_tables import averaged_table, volume_table
from bundle.experiments.validation import runs_table, summary_table, validation_table
from bundle.files import write_atomically
from bundle.reports import Table
from bundle.reports.overlay import write_picture

_RESAMPLED = "95 percent intervals from resampling patients, p-values after Holm"


def make_tables(
    experiment: Experiment,
    root: Path,
    *,
    n_resamples: int = 2000,
    baseline: str | None = None,
    save: Path | None = None,
    dataset_dir: Path | None = None,
    records: Path | None = None,
) -> str:
    """Return all tables of an experiment as Markdown; write files where asked.

    Args:
        experiment: whose runs are evaluated.
        root: folder of the runs, see `Experiment.folders`.
        n_resamples: resamples of the patients.
        baseline: the row that the others are compared with, the first one by default.
        save: folder for tables.md, a CSV of each table and, of shares or curves, curve.png or curves.png.
        dataset_dir: the data set; with it `save` gets maps.png of the first repeat, see `map_grid`.
        records: folder to which the runs' records are copied, see `export_run_records`.

    Raises:
        FileNotFoundError: a run is not evaluated.
        ValueError: there is no such baseline, or rows that were not tested on the same slices.
        RuntimeError: an inference for maps.png failed.
    """
    folders = experiment.folders(root)
    results = ResultsTable(folders, n_resamples, published=experiment.published, baseline=baseline)
    tables = {
        **results.tables(),
        f"runs averaged, each scored alone, {_RESAMPLED}": averaged_table(results),
        f"volumes, by the mean of their three highest slices, all runs pooled, {_RESAMPLED}": volume_table(results),
        f"gains over {results.baseline} in short, time divided by its time": summary_table(results, folders),
        "on validation": validation_table(folders, baseline),
        "every run": runs_table(folders),
    }
    text = tables_markdown(tables)
    if records:
        export_run_records([folder for row in folders.values() for folder in row], root, records)
    if save:
        save_tables(tables, text, save)
        if experiment.shares:
            write_picture(save / "curve.png", results.curve(experiment.shares))
        if experiment.curves:
            write_picture(save / "curves.png", mask_curves(results, experiment.curves))
        if dataset_dir:
            repeat = next(iter(experiment.repeats))
            runs = {row: experiment.run(row, repeat, root) for row in experiment.rows}
            picture = write_picture(save / "maps.png", map_grid(runs, dataset_dir))
            text += f"\n\nmaps.png shows {RULE}: {picture}"
    return text


def tables_markdown(tables: Mapping[str, Table]) -> str:
    """Return title and table of each, as Markdown.

    Example:
        >>> print(tables_markdown({"every run": Table(["run"], [["a"]])}).splitlines()[0])
        Every run
    """
    return "\n\n".join(f"{title[0].upper()}{title[1:]}\n\n{table.markdown()}" for title, table in tables.items())


def save_tables(tables: Mapping[str, Table], text: str, folder: Path) -> None:
    """Write tables.md and a CSV of each table, named by its title up to the comma."""
    contents = {"tables.md": f"{text}\n"} | {
        f"{re.sub('[ /]', '_', title.split(',')[0])}.csv": table.csv() for title, table in tables.items()
    }
    for name, content in contents.items():
        write_text(folder / name, content)


def write_text(path: Path, text: str) -> Path:
    """Write a text file by a rename.

    Example:
        >>> import tempfile
        >>> write_text(Path(tempfile.mkdtemp()) / "a.md", "text").read_text()
        'text'
    """

    def write(part: Path) -> None:
        part.write_bytes(text.encode())

    return write_atomically(path, write)
