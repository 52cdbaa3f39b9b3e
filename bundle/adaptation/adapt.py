"""Adaptation of a run to another hospital's scans: what is fitted, what it gains, the overlay that applies it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.special import expit

from bundle.adaptation import fitting
from bundle.adaptation.scans import read_metrics, score_scans
from bundle.adaptation.simulation import SCORES, Adaptation, adapted, simulated
from bundle.evaluation import read_predictions, write_predictions
from bundle.files import write_atomically, write_json
from bundle.keys import IGNORED_LABEL
from bundle.metrics import Predictions, SliceScorer, cluster_bootstrap
from bundle.probabilities import ScoreCalibration, logits_of
from bundle.reports import Table, score_text
from bundle.workflow.provenance import now

logger = logging.getLogger(__name__)
OVERLAY = "adapted.yaml"


def adapt(
    run: str | Path,
    dataset_dir: str | Path,
    output_dir: str | Path,
    labels: str | Path | None = None,
    *,
    overlays: Sequence[str] = (),
    position: bool = False,
) -> Path:
    """Write an overlay that adapts an evaluated run to the scans of another hospital, and what it gains.

    Without labels the distribution of the scores is aligned with that of the run's validation slices, and the run's
    thresholds stay. With labels of some scans slope, bias and threshold are fitted to these. If all scans are labeled,
    a simulation tells what 0, 5, 10 and 20 labeled patients would give on the others.

    Args:
        run: folder of an evaluated run.
        dataset_dir: the scans.
        output_dir: gets `adapted.yaml`, `adaptation.json` and `scores.csv`.
        labels: see `score_scans`.
        overlays: see `score_scans`.
        position: also use the position of a slice in its scan, at first as the training scans had it.

    Returns:
        The overlay, for `scripts/pack_bundle.py --overlay` and for inference.

    Raises:
        FileNotFoundError: the run is not evaluated, or was evaluated before validation slices were kept.
        ValueError: `position` for a run that counts it already.
    """
    output_dir, metrics = Path(output_dir), read_metrics(run)
    if position and metrics.get("slice_position"):
        raise ValueError(f"{run} must be a run without slice_position, got one that counts it: leave --position out.")
    reference = _validation(run)
    scans = score_scans(run, dataset_dir, output_dir, labels, overlays)
    threshold, highest = float(metrics["threshold"]), float(metrics["volume"]["max"]["threshold"])
    beta = float(metrics.get("threshold_beta") or 1.0)  # of a threshold that was given, or of an older evaluation: F1
    start = _start(scans, reference, Adaptation(ScoreCalibration(), threshold, beta), position)
    labeled = scans.select(np.isin(scans.case, scans.case[scans.label != IGNORED_LABEL]))
    found = adapted(scans, labeled, start)
    knobs = {
        "score_calibration": found.calibration.entries(),
        "threshold": found.threshold,
        "volume_threshold": _volume_threshold(found, highest, threshold),
        "slice_smoothing": metrics.get("slice_smoothing"),
        "slice_position": metrics.get("slice_position"),
        "test_time_flip": metrics.get("test_time_flip", False),
    }
    counts = {"scans": len(np.unique(scans.case)), "labeled": len(np.unique(labeled.case))}
    rows = _rows(scans, reference, start, threshold) if counts["scans"] == counts["labeled"] else {}
    write_predictions(output_dir / "scores.csv", scans)
    of_run = {"run": str(run), "weights_sha256": metrics.get("weights_sha256"), "ensemble": metrics.get("ensemble", [])}
    write_json(output_dir / "adaptation.json", {**of_run, "made": now(), **counts, **knobs, "scores": rows})
    if rows:
        logger.info("\n%s", score_table(rows).text())
    return _write_overlay(output_dir / OVERLAY, knobs, counts)


def _start(scans: Predictions, reference: Predictions, trained: Adaptation, position: bool) -> Adaptation:
    """Return the adaptation without labels."""
    aligned = fitting.aligned(*(logits_of(each.probability)[:, 0] for each in (scans, reference)))
    if not position:
        return trained._replace(calibration=aligned)
    return trained._replace(calibration=fitting.with_position(aligned, reference)).with_threshold_for(scans)


def score_table(rows: Mapping[str, Mapping[str, Sequence[float]]]) -> Table:
    """Return the scores of `adaptation.json` as a table.

    Args:
        rows: name -> score -> value, low and high.

    Example:
        >>> print(score_table({"as trained": {name: (0.5, 0.4, 0.6) for name in SCORES}}).rows[0][:2])
        ('as trained', '0.500 [0.400, 0.600]')
    """
    lines = [
        (name, *(score_text(row[score][0], tuple(row[score][1:])) for score in SCORES)) for name, row in rows.items()
    ]
    return Table(("adaptation", *SCORES), lines)


def _validation(run: str | Path) -> Predictions:
    """Return the validation slices of a run."""
    file = Path(run) / "validation_predictions.csv"
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} must hold the scores of validation slices, got no file: evaluate the run again."
        )
    return read_predictions(file)


def _rows(
    scans: Predictions, reference: Predictions, start: Adaptation, threshold: float
) -> dict[str, Mapping[str, Sequence[float]]]:
    """Return name -> scores with intervals: baselines, then the simulation."""
    if reference.position_only is None:
        raise ValueError("validation_predictions.csv must have the column position_only: evaluate the run again.")
    # the baseline's logit is a parabola of the position, so its values on validation slices give it everywhere
    parabola = np.polyfit(reference.position, logits_of(reference.position_only)[:, 0], 2)
    alone = replace(scans, probability=expit(np.polyval(parabola, scans.position)))
    return {
        "position alone, at 0.5": _scored(alone, 0.5),
        "as it was trained": _scored(scans, threshold),
        **{f"{count} labeled patients": scores for count, scores in simulated(scans, start).items()},
    }


def _scored(scans: Predictions, threshold: float) -> dict[str, Sequence[float]]:
    """Return score -> value, low and high from resampling patients."""
    scorer = SliceScorer(scans.label, scans.probability, threshold)
    values, intervals = scorer(), cluster_bootstrap(scans.patient, scorer)
    return {name: (values[name], intervals[name].low, intervals[name].high) for name in SCORES}


def _volume_threshold(found: Adaptation, highest: float, threshold: float) -> float:
    """Return the run's threshold of volumes on the scale of the calibrated probabilities."""
    if highest == threshold:
        return found.threshold
    return float(expit(found.calibration.slope * logits_of([highest])[0, 0] + found.calibration.bias))


_MEANINGS = {
    "score_calibration": "change of a slice's logit",
    "threshold": "lowest probability of a positive slice",
    "volume_threshold": "the same for the highest slice of a volume",
    "slice_smoothing": "as the run was evaluated",
    "slice_position": "as the run was evaluated",
    "test_time_flip": "as the run was evaluated",
}


def _write_overlay(path: Path, knobs: Mapping[str, Any], counts: Mapping[str, int]) -> Path:
    """Write the knobs, a comment on each line."""
    lines = [f"# Adaptation to {counts['scans']} scans of another hospital, {counts['labeled']} of them labeled."]
    for name, value in knobs.items():
        shown = yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("\n...\n").strip()
        lines.append(f"{name}: {shown}  # {_MEANINGS[name]}")
    return write_atomically(path, lambda part: part.write_text("\n".join(lines) + "\n"))
