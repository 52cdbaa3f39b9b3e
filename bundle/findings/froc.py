"""Detection scores of findings over scans: free-response ROC and average precision, by the rules of PI-CAI."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bundle.findings.matching import ScanHits

FALSE_POSITIVES = (0.125, 0.25, 0.5, 1, 2, 4, 8)
"""Mean false positives a scan at which LUNA16 and PI-CAI report the sensitivity."""


class DetectionScorer:
    """Scores findings over scans, under any weights of the scans, so that patients can be resampled.

    Average precision is that of picai_eval: a missed lesion is never recalled. The sensitivity at a number of false
    positives a scan is the highest that does not exceed it; where all findings together have fewer, it is that of all.

    Args:
        scans: one entry a scan, also for those without a lesion or a finding.

    Example:
        >>> scan = ScanHits(np.array([0.9, 0.0, 0.4]), np.array([True, True, False]), np.array([0.5, 0.0, 0.0]))
        >>> scores = DetectionScorer([scan])()
        >>> scores["average_precision"], scores["sensitivity_at_0.125"], scores["false_positives_per_scan"]
        (0.5, 0.5, 1.0)
    """

    def __init__(self, scans: Sequence[ScanHits]) -> None:
        scan = np.repeat(np.arange(len(scans)), [len(hits.score) for hits in scans])
        score, is_lesion, iou = (np.concatenate([hits[column] for hits in scans]) for column in range(3))
        order = np.argsort(-score, kind="stable")
        self.scans = len(scans)
        self._scan, self._score, self._iou = scan[order], score[order], iou[order]
        self._is_lesion = is_lesion[order].astype(bool)
        self._is_found = self._score > 0
        # findings of one score cannot be told apart: the curve has a point behind the last of them
        self._ends = np.flatnonzero((np.diff(self._score, append=-1) != 0) & self._is_found)

    @property
    def lesions(self) -> int:
        """Number of lesions."""
        return int(self._is_lesion.sum())

    def __call__(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return the scores; `weights` (scans,) counts every scan, None counts each once. Without a lesion NaN."""
        each = np.ones(self.scans) if weights is None else np.asarray(weights, dtype=np.float64)
        rows = each[self._scan]
        hits, false = self._curve(rows)
        per_scan, lesions = false / each.sum(), float(rows @ self._is_lesion) or np.nan
        sensitivity = hits / lesions
        at = [float(sensitivity[np.searchsorted(per_scan, rate, side="right") - 1]) for rate in FALSE_POSITIVES]
        precision = hits / np.maximum(hits + false, np.finfo(float).tiny)
        return {
            "average_precision": float(np.diff(sensitivity) @ precision[1:]) if len(hits) > 1 else 0 / lesions,
            "mean_sensitivity": float(np.mean(at)),
            **{f"sensitivity_at_{rate:g}": value for rate, value in zip(FALSE_POSITIVES, at, strict=True)},
            "sensitivity": float(sensitivity[-1]),
            "false_positives_per_scan": float(per_scan[-1]),
            "lesion_iou": float(rows @ self._iou / lesions),
        }

    def _curve(self, rows: NDArray) -> tuple[NDArray, NDArray]:
        """Return hits and false positives (k,) above each score, from none to all."""
        found = rows * self._is_found
        cumulated = [np.cumsum(found * of)[self._ends] for of in (self._is_lesion, ~self._is_lesion)]
        hits, false = (np.concatenate([[0.0], each]) for each in cumulated)
        return hits, false
