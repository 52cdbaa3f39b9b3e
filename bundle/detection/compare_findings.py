"""Detection of several methods on the same scans: table and FROC curves, runs of a method averaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle.detection.score_findings import MODEL, PRIOR, froc_picture
from bundle.files import read_csv, write_atomically
from bundle.findings import DetectionScorer, ScanHits
from bundle.metrics import cluster_bootstrap, paired_difference
from bundle.reports import Table, score_text, write_picture

_COLUMNS = {
    "average_precision": "average precision",
    "sensitivity_at_0.125": "sensitivity at 1/8 false positives a scan",
    "sensitivity_at_1": "at 1",
    "sensitivity": "at all",
    "false_positives_per_scan": "false positives a scan",
}


class _Runs:
    """Test scans of the runs of a method, and their mean scores."""

    def __init__(self, folders: Sequence[str | Path], method: str) -> None:
        found = [list(_of_run(Path(folder), method)) for folder in folders]
        self.cases = [(number, case) for number, run in enumerate(found) for case, _, _ in run]
        self.patients = [patient for run in found for _, patient, _ in run]
        self._scorers = [DetectionScorer([hits for _, _, hits in run]) for run in found]

    @property
    def lesions(self) -> int:
        return sum(scorer.lesions for scorer in self._scorers)

    def __call__(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return the mean scores under the weights of all scans, see `DetectionScorer`."""
        each = np.ones(len(self.cases)) if weights is None else np.asarray(weights)
        parts = np.split(each, np.cumsum([scorer.scans for scorer in self._scorers])[:-1])
        drawn = [(scorer(part), part.sum()) for scorer, part in zip(self._scorers, parts, strict=True) if part.any()]
        scores, counts = zip(*drawn, strict=True)
        return {name: float(np.average([run[name] for run in scores], weights=counts)) for name in scores[0]}


def compare_findings(
    methods: Mapping[str, Sequence[str | Path]], output_dir: str | Path, n_resamples: int = 1000
) -> Path:
    """Write `detection.md` and `froc.png` of methods that were scored on the same scans, and of the center prior.

    Args:
        methods: name -> folders of its runs, each with the `findings.csv` of `score_findings`. Each run is scored
            alone, as the scores of two networks have no common scale, and counts as its scans do. The first method is
            compared with each other one, by patient. Its center prior is shown.
        output_dir: gets both files.
        n_resamples: resamples of the patients.

    Returns:
        detection.md.

    Raises:
        ValueError: the methods were scored on other scans.
        FileNotFoundError: a run has no scored findings.

    Example:
        >>> compare_findings({"LGM-ViT": ["no/run"]}, "results")
        Traceback (most recent call last):
        FileNotFoundError: no/run/findings.csv must be a file, got none: run scripts/score_findings.py first.
    """
    runs = {name: _Runs(folders, MODEL) for name, folders in methods.items()}
    first = next(iter(methods))
    runs[PRIOR] = _Runs(methods[first], PRIOR)
    for name, found in runs.items():
        if found.cases != runs[first].cases:
            raise ValueError(f"{name} must be scored on the test scans of {first}, got others: give runs of one split.")
    patients = runs[first].patients
    shown = {name: (found(), cluster_bootstrap(patients, found, n_resamples)) for name, found in runs.items()}
    differences = {
        f"{first} - {name}": paired_difference(runs[first], runs[name], patients, n_resamples)
        for name in runs
        if name != first
    }
    folder = Path(output_dir)
    write_picture(folder / "froc.png", froc_picture(shown))
    counts = f"{len(patients)} scans of {len(set(patients))} patients, {runs[first].lesions} lesions."
    text = "\n\n".join([counts, _score_table(shown).markdown(), _difference_table(differences).markdown()])
    return write_atomically(folder / "detection.md", lambda part: part.write_text(text + "\n", encoding="utf-8"))


def _of_run(folder: Path, method: str) -> Iterator[tuple[str, str, ScanHits]]:
    file = folder / "findings.csv"
    if not file.is_file():
        raise FileNotFoundError(f"{file} must be a file, got none: run scripts/score_findings.py first.")
    table = read_csv(file, text=("method", "case", "patient"))
    if "method" not in table.columns:
        raise ValueError(f"{file} must have a column method, got none: score the run again.")
    for (case, patient), rows in table[table["method"] == method].groupby(["case", "patient"]):
        found = rows[rows["score"].notna()]
        yield str(case), str(patient), ScanHits(*(found[column].to_numpy() for column in ScanHits._fields))


def _score_table(shown: Mapping[str, tuple[Mapping[str, float], Mapping[str, Any]]]) -> Table:
    rows = [
        (name, *(score_text(scores[score], tuple(intervals[score][:2])) for score in _COLUMNS))
        for name, (scores, intervals) in shown.items()
    ]
    return Table(("", *_COLUMNS.values()), rows)


def _difference_table(differences: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = [
        (name, *(score_text(found[score].value, (found[score].low, found[score].high)) for score in _COLUMNS))
        for name, found in differences.items()
    ]
    return Table(("difference", *_COLUMNS.values()), rows)
