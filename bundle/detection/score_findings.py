"""The rule of a run's findings, chosen on validation patients, and how well it detects the lesions of test patients."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bundle.detection.volumes_of_run import ScoredVolume, VolumesOfRun
from bundle.files import write_csv, write_json
from bundle.findings import (
    FALSE_POSITIVES,
    MINIMUM_IOU,
    DetectionScorer,
    FindingRule,
    ScanHits,
    find_regions,
    lesion_voxels,
    match_lesions,
)
from bundle.metrics import center_prior, cluster_bootstrap, paired_difference
from bundle.packing.trained_run import TrainedRun
from bundle.reports import Point, Table, band_curves, score_text, write_picture

logger = logging.getLogger(__name__)
_THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 10))
"""Of the scaled map, that validation chooses from."""
MODEL, PRIOR = "findings", "center prior"
"""Values of `method` in findings.csv."""


def score_findings(
    run: str | Path, dataset_dir: str | Path, output_dir: str | Path | None = None, n_resamples: int = 1000
) -> Path:
    """Choose the rule of findings on the validation patients of a run, score it on its test patients, write both.

    The map's threshold is that with the best average precision on validation patients, of equal ones that with the best
    overlap with the lesions. The smallest volume is a tenth of the smallest validation lesion: what is smaller could
    have hit none of them, as an IoU of 0.1 is asked for. The center prior has the same slices and its own threshold.

    Args:
        run: folder of an evaluated run.
        dataset_dir: folder of its data set, with masks.
        output_dir: gets metrics.json with the entry `findings`, `findings.csv` and `froc.png`; default: the run's
            folder, from where packing takes the rule. The CSV has a row for each lesion and each false positive, and
            one without a score for a scan that has neither, of the findings and of the center prior.
        n_resamples: resamples of the patients.

    Returns:
        metrics.json.

    Raises:
        ValueError: no validation or test case has a lesion in a mask, or see `VolumesOfRun`.
    """
    volumes = VolumesOfRun(found := TrainedRun.read(run), dataset_dir)
    threshold = float(found.metrics["threshold"])
    rules = choose_rules(volumes("val"), threshold, found.map_scale or (0.0, 1.0))
    if not rules:
        raise ValueError("validation cases must have a lesion in a mask, got none: no rule can be chosen on them.")
    scans, hits, lesions = list[tuple[str, str]](), dict[str, list[ScanHits]](), 0
    for volume in volumes("test"):
        scans.append((volume.case, volume.patient))
        for name, rule in rules.items():
            hits.setdefault(name, []).append(_hits(volume, name, rule, threshold))
        lesions += len(lesion_voxels(volume.mask))
    if not lesions:
        raise ValueError(f"{run}: test cases must have a lesion in a mask, got none: findings need masks to be scored.")
    folder = Path(run if output_dir is None else output_dir)
    content = _scores(rules, hits, [patient for _, patient in scans], n_resamples)
    write_csv(folder / "findings.csv", _rows(scans, hits))
    write_picture(folder / "froc.png", _curve(content))
    logger.info("\n%s", froc_table(content).text())
    return write_json(folder / "metrics.json", {**found.metrics, "findings": content})


def _hits(volume: ScoredVolume, name: str, rule: FindingRule, threshold: float) -> ScanHits:
    """Return the findings of the map, or of the center prior, matched with the lesions."""
    shown = volume.volume_map
    if name == PRIOR:
        prior = center_prior(shown.shape[:2])[0, 0].numpy()
        shown = np.broadcast_to(prior[..., None], shown.shape)
    found = find_regions(shown, volume.probability, threshold, rule, volume.voxel_mm3)
    return match_lesions(found, volume.mask)


def choose_rules(
    validation: Iterable[ScoredVolume], threshold: float, map_scale: Sequence[float]
) -> dict[str, FindingRule]:
    """Return the rule of the map, `MODEL`, and that of the center prior, `PRIOR`; none where no volume has a lesion.

    Args:
        validation: volumes with masks, see `score_findings`.
        threshold: probability from which a slice is positive.
        map_scale: map values that are scaled to 0 and 1.

    Example:
        >>> choose_rules([], 0.5, (0.0, 1.0))
        {}
    """
    starts = {MODEL: FindingRule(0.5, 0.0, tuple(map_scale)), PRIOR: FindingRule(0.5)}
    tried = {name: [replace(rule, map_threshold=each) for each in _THRESHOLDS] for name, rule in starts.items()}
    hits: dict[str, list[list[ScanHits]]] = {name: [[] for _ in _THRESHOLDS] for name in tried}
    smallest = np.inf
    for volume in validation:
        smallest = min([smallest, *lesion_voxels(volume.mask) * volume.voxel_mm3 / 1000])
        for name, rules in tried.items():
            for rule, found in zip(rules, hits[name], strict=True):
                found.append(_hits(volume, name, rule, threshold))
    if not np.isfinite(smallest):
        return {}
    minimum = float(MINIMUM_IOU * smallest)
    return {name: replace(rules[_best(hits[name])], minimum_ml=minimum) for name, rules in tried.items()}


def _best(tried: Sequence[Sequence[ScanHits]]) -> int:
    """Return the index of the rule with the best average precision, of equal ones that with the best overlap."""
    scores = [DetectionScorer(hits)() for hits in tried]
    return max(range(len(tried)), key=lambda index: (scores[index]["average_precision"], scores[index]["lesion_iou"]))


def _scores(
    rules: dict[str, FindingRule], hits: dict[str, list[ScanHits]], patients: Sequence[str], n_resamples: int
) -> dict[str, Any]:
    """Return the entry of metrics.json."""
    model, prior = (DetectionScorer(hits[name]) for name in (MODEL, PRIOR))
    return {
        "rule": rules[MODEL].entries(),
        "scores": model(),
        "intervals": cluster_bootstrap(patients, model, n_resamples),
        "baselines": {
            "centre_prior": {
                "rule": rules[PRIOR].entries(),
                "scores": prior(),
                "intervals": cluster_bootstrap(patients, prior, n_resamples),
                "difference": paired_difference(model, prior, patients, n_resamples),
            }
        },
        "n": {"scans": len(patients), "patients": len(set(patients)), "lesions": model.lesions},
    }


def froc_table(content: dict[str, Any]) -> Table:
    """Return the scores of `findings` in metrics.json as a table, with their intervals.

    Example:
        >>> names = ["average_precision", *(f"sensitivity_at_{rate:g}" for rate in FALSE_POSITIVES)]
        >>> one = {"scores": dict.fromkeys(names, 0.5), "intervals": dict.fromkeys(names, (0.25, 0.75, 9))}
        >>> froc_table({**one, "baselines": {"centre_prior": one}}).rows[0]
        ('average precision', '0.500 [0.250, 0.750]', '0.500 [0.250, 0.750]')
    """
    names = {"average_precision": "average precision"}
    names |= {f"sensitivity_at_{rate:g}": f"sensitivity at {rate:g} false positives a scan" for rate in FALSE_POSITIVES}
    both = _both(content)
    rows = [
        (text, *(score_text(each["scores"][name], tuple(each["intervals"][name][:2])) for each in both.values()))
        for name, text in names.items()
    ]
    return Table(("detection", *both), rows)


def _both(content: dict[str, Any]) -> dict[str, Any]:
    """Return findings and center prior by name."""
    return {MODEL: content, PRIOR: content["baselines"]["centre_prior"]}


def _curve(content: dict[str, Any]) -> np.ndarray:
    """Return the FROC curves as a picture (3, H, W)."""
    return froc_picture({name: (each["scores"], each["intervals"]) for name, each in _both(content).items()})


def froc_picture(rows: Mapping[str, tuple[Mapping[str, float], Mapping[str, Sequence[float]]]]) -> np.ndarray:
    """Return FROC curves as a picture (3, H, W), a line per method with its interval as a band.

    Args:
        rows: method -> scores of a `DetectionScorer`, and the interval of each.
    """
    lines = {
        name: [Point(rate, scores[key := f"sensitivity_at_{rate:g}"], *intervals[key][:2]) for rate in FALSE_POSITIVES]
        for name, (scores, intervals) in rows.items()
    }
    return band_curves({"sensitivity": lines}, "false positives a scan", log_base=2)


def _rows(scans: Sequence[tuple[str, str]], hits: dict[str, list[ScanHits]]) -> pd.DataFrame:
    """Return a row for each lesion and each false positive, and one without a score for a scan that has neither."""
    neither = {"score": [np.nan], "is_lesion": [False], "iou": [0.0]}
    tables = [
        pd.DataFrame(
            {"method": name, "case": case, "patient": patient, **(found._asdict() if len(found.score) else neither)}
        )
        for name, of_scans in hits.items()
        for (case, patient), found in zip(scans, of_scans, strict=True)
    ]
    return pd.concat(tables, ignore_index=True).astype({"is_lesion": int})
