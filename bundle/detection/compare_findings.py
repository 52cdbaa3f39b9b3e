"""Detection of several methods on the same scans: table and FROC curves, runs of a method pooled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class _Scans:
    cases: list[tuple[str, str]]
    patients: list[str]
    hits: list[ScanHits]


def compare_findings(
    methods: Mapping[str, Sequence[str | Path]], output_dir: str | Path, n_resamples: int = 1000
) -> Path:
    """Write `detection.md` and `froc.png` of methods that were scored on the same scans, and of the center prior.

    Args:
        methods: name -> folders of its runs, each with the `findings.csv` of `score_findings`; their test scans are
            pooled. The first is compared with each other one, by patient. Its center prior is shown.
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
    scans = {name: _scans(folders, MODEL) for name, folders in methods.items()}
    first = next(iter(methods))
    scans[PRIOR] = _scans(methods[first], PRIOR)
    for name, found in scans.items():
        if found.cases != scans[first].cases:
            raise ValueError(f"{name} must be scored on the test scans of {first}, got others: give runs of one split.")
    scorers, patients = {name: DetectionScorer(found.hits) for name, found in scans.items()}, scans[first].patients
    shown = {name: (scorer(), cluster_bootstrap(patients, scorer, n_resamples)) for name, scorer in scorers.items()}
    differences = {
        f"{first} - {name}": paired_difference(scorers[first], scorers[name], patients, n_resamples)
        for name in scorers
        if name != first
    }
    folder = Path(output_dir)
    write_picture(folder / "froc.png", froc_picture(shown))
    counts = f"{len(patients)} scans of {len(set(patients))} patients, {scorers[first].lesions} lesions."
    text = "\n\n".join([counts, _score_table(shown).markdown(), _difference_table(differences).markdown()])
    return write_atomically(folder / "detection.md", lambda part: part.write_text(text + "\n", encoding="utf-8"))


def _scans(folders: Sequence[str | Path], method: str) -> _Scans:
    """Return the test scans of runs in their order, also those without a lesion or a finding."""
    found = _Scans([], [], [])
    for number, folder in enumerate(map(Path, folders)):
        for case, patient, hits in _of_run(folder, method):
            found.cases.append((str(number), case))
            found.patients.append(patient)
            found.hits.append(hits)
    return found


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
