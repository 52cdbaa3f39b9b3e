"""Comparison of any evaluated runs by their folders: tables, paired differences and pictures, without an experiment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bundle.evaluation import FinishedRun
from bundle.experiments.figures import RULE, map_grid
from bundle.experiments.make_tables import save_tables, tables_markdown
from bundle.experiments.results_table import ResultsTable
from bundle.experiments.run import BUNDLE_ROOT, BundleRun
from bundle.experiments.run_and_volume_tables import volume_table
from bundle.experiments.validation import validation_table
from bundle.files import read_json, write_json
from bundle.reports.overlay import write_picture
from bundle.workflow.compare import read_config_record
from bundle.workflow.trained_settings import trained_for_inference

_PREDICTED = ("case", "slice_index", "label")


def named_runs(texts: Sequence[str]) -> dict[str, Path]:
    """Return name -> folder of `FOLDER` or `NAME=FOLDER`; a folder without a name has its own.

    Raises:
        ValueError: two runs have one name, or there are fewer than two runs.

    Example:
        >>> named_runs(["runs/plain", "guided=runs/mine"])
        {'plain': PosixPath('runs/plain'), 'guided': PosixPath('runs/mine')}
    """
    runs: dict[str, Path] = {}
    for text in texts:
        name, separator, folder = text.partition("=")
        if not separator or Path(text).exists():
            name, folder = Path(text).resolve().name, text
        if name in runs or not name:
            raise ValueError(f"names of runs must be given and differ, got {name!r} for {text}: write NAME={folder}.")
        runs[name] = Path(folder)
    if len(runs) < 2:
        raise ValueError(f"runs must be two or more, got {len(runs)}: name the folders of the runs to compare.")
    return runs


def compare_runs(
    runs: Mapping[str, Path], output_dir: Path, *, n_resamples: int = 2000, dataset_dir: Path | None = None
) -> str:
    """Return the tables of some runs as Markdown, and write them, a CSV of each and maps.png.

    Args:
        runs: name -> folder of an evaluated run; the others are compared with the first one.
        output_dir: folder of the files.
        n_resamples: resamples of the patients.
        dataset_dir: the data set of maps.png, see `map_grid`; by default that of the first run's record, and where the
            picture cannot be drawn, the text says why.

    Raises:
        FileNotFoundError: a folder is no run, or the run is not evaluated.
        ValueError: a file is damaged; runs were tested on other slices; the picture of `dataset_dir` cannot be drawn.
        RuntimeError: an inference for the picture of `dataset_dir` failed.
    """
    found = _evaluated(runs)
    _require_same_test(runs, found)
    rows = {name: [folder] for name, folder in runs.items()}
    results = ResultsTable(rows, n_resamples)
    tables = {
        "scores, 95 percent intervals from resampling patients": results.pooled_scores(),
        f"difference to {results.baseline}, paired by patient, p-values after Holm": results.differences(),
        "volumes, by the mean of their three highest slices": volume_table(results),
        "on validation": validation_table(rows),
    }
    text = "\n\n".join([tables_markdown(tables), *_other_splits(found)])
    save_tables(tables, text, output_dir)
    try:
        picture = write_picture(output_dir / "maps.png", _map_grid(runs, dataset_dir))
    except (OSError, ValueError, RuntimeError) as error:
        if dataset_dir:
            raise
        return f"{text}\n\nNo picture of the maps: {error}"
    return f"{text}\n\nmaps.png shows {RULE}: {picture}"


def _evaluated(runs: Mapping[str, Path]) -> dict[str, FinishedRun]:
    """Return the runs' predictions and scores; one error names all folders that have none."""
    problems = [problem for folder in runs.values() if (problem := _problem(folder))]
    if problems:
        raise FileNotFoundError("\n".join(problems))
    return {name: FinishedRun.read(folder) for name, folder in runs.items()}


def _problem(folder: Path) -> str:
    """Return the reason why a folder has no scores, nothing where it has."""
    if not folder.is_dir():
        return f"{folder} must be the folder of a run, got {'a file' if folder.exists() else 'no such folder'}."
    files = {file.name for file in folder.iterdir()}
    if {"metrics.json", "predictions.csv"} <= files:
        known = read_json(folder / "metrics.json")
        is_ours = isinstance(known, dict) and isinstance(known.get("threshold"), float)
        return "" if is_ours else f"{folder}/metrics.json must be that of an evaluation, got another file."
    if "config.json" not in files:
        return f"{folder} must be the folder of a run, got no config.json and no scores in it: give its output_dir."
    command = f"python -m monai.bundle run --config_file \"['{folder}/config.json','configs/evaluate.json']\""
    return f"{folder} must be evaluated, got no metrics.json and predictions.csv: {command} --output_dir {folder}"


def _require_same_test(runs: Mapping[str, Path], found: Mapping[str, FinishedRun]) -> None:
    """Refuse runs that were tested on other cases, or on other slices of them, than the first one."""
    first = next(iter(runs))
    reference = found[first].predictions.sorted_unique()
    for name, run in found.items():
        tested = run.predictions.sorted_unique()
        if others := sorted({*tested.case} ^ {*reference.case}):
            common = len({*tested.case} & {*reference.case})
            got = f"{common} common cases and {len(others)} of one run alone ({', '.join(others[:3])}, ...)"
        elif not all(np.array_equal(getattr(tested, part), getattr(reference, part)) for part in _PREDICTED):
            got = "the same cases with other slices or labels"
        else:
            continue
        raise ValueError(
            f"{runs[name]} must be tested on the slices of {runs[first]}, got {got}{_hashes(run, found[first])}: train "
            "and evaluate both with the same data and split (seed, fold, test_site, split_fractions or split_file)."
        )


def _hashes(run: FinishedRun, reference: FinishedRun) -> str:
    """Return the words that name two different splits, nothing for the same split or an unknown one."""
    one, other = (found.metrics.get("split_hash", "")[:12] for found in (run, reference))
    return f", split_hash {one} and {other}" if one and other and one != other else ""


def _other_splits(found: Mapping[str, FinishedRun]) -> list[str]:
    """Return a sentence for each run that was tested on the same slices, and trained on other cases."""
    first, *others = found
    return [
        f"{name} and {first} were not trained on the same cases{hashes}: the cases may make the difference."
        for name in others
        if (hashes := _hashes(found[name], found[first]))
    ]


def _map_grid(runs: Mapping[str, Path], dataset_dir: Path | None) -> NDArray:
    """Return the maps of the runs, each with the settings of its own record."""
    known = read_json(BUNDLE_ROOT / "configs/inference.json")
    with tempfile.TemporaryDirectory() as folder:
        recorded = {}
        for number, (name, run) in enumerate(runs.items()):
            record = read_config_record(run.absolute() / "config.json", known)
            overlay = write_json(Path(folder) / f"{number}.json", trained_for_inference(record, known))
            recorded[name] = BundleRun(name, run, [str(run.absolute() / "config.json"), str(overlay)])
        first = read_json(next(iter(runs.values())) / "config.json", {})
        return map_grid(recorded, dataset_dir or BUNDLE_ROOT / first.get("dataset_dir", ""))
