"""Findings against the reference lesions of a scan: hits, misses and false positives, by the rules of PI-CAI."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from skimage.measure import label

from bundle.findings.regions import CONNECTIVITY, Regions

MINIMUM_IOU = 0.1
"""Intersection over union from which a finding is at a lesion."""


class ScanHits(NamedTuple):
    """Findings and lesions of one scan, a row for each lesion and each false positive.

    Args:
        score: (n,) of the finding, 0 for a lesion that no finding hit.
        is_lesion: (n,) true for lesions, false for false positives.
        iou: (n,) of a hit, else 0.
    """

    score: NDArray
    is_lesion: NDArray
    iou: NDArray


def match_lesions(regions: Regions, mask: NDArray, minimum_iou: float = MINIMUM_IOU) -> ScanHits:
    """Return which lesions were hit by which findings.

    Lesions are the connected components of the mask (26 neighbors). Each is matched with at most one finding of
    sufficient overlap, and each finding with at most one lesion: as many pairs as possible, of these the pairs with the
    largest sum of overlaps. A further finding with sufficient overlap is neither a hit nor a false positive.

    Args:
        regions: the findings.
        mask: (H, W, D), nonzero inside lesions.
        minimum_iou: see `MINIMUM_IOU`.

    Source:
        `evaluate_case` of picai_eval 1.4 with its defaults.

    Example:
        >>> labels = np.zeros((4, 4, 1), dtype=np.int32)
        >>> labels[0, :2], labels[3, 3] = 1, 2
        >>> mask = np.zeros((4, 4, 1))
        >>> mask[0, :3] = 1
        >>> hits = match_lesions(Regions(labels, np.array([0.9, 0.4]), np.array([2, 1])), mask)
        >>> hits.score.tolist(), hits.is_lesion.tolist(), hits.iou.round(2).tolist()
        ([0.9, 0.4], [True, False], [0.67, 0.0])
    """
    overlap = _iou(regions, mask)
    overlap[overlap < minimum_iou] = 0
    # 1 more for each pair: their number counts before their overlap
    lesions, findings = linear_sum_assignment(np.where(overlap > 0, overlap + 1, 0), maximize=True)
    is_pair = overlap[lesions, findings] > 0
    lesions, findings = lesions[is_pair], findings[is_pair]
    score, iou = np.zeros(len(overlap)), np.zeros(len(overlap))
    score[lesions], iou[lesions] = regions.score[findings], overlap[lesions, findings]
    false = regions.score[~(overlap > 0).any(axis=0)]
    return ScanHits(
        np.concatenate([score, false]),
        np.arange(len(score) + len(false)) < len(score),
        np.concatenate([iou, np.zeros(len(false))]),
    )


def lesion_voxels(mask: NDArray) -> NDArray:
    """Return the number of voxels of each connected component of a mask.

    Example:
        >>> lesion_voxels(np.array([[[0, 1, 0, 1, 1]]])).tolist()
        [1, 2]
    """
    lesions = label(mask > 0, connectivity=CONNECTIVITY)
    return np.bincount(lesions[lesions > 0])[1:]


def _iou(regions: Regions, mask: NDArray) -> NDArray:
    """Return (lesions, findings) intersection over union."""
    lesions = label(mask > 0, connectivity=CONNECTIVITY)
    inside = lesions > 0
    of_lesion, of_finding, columns = lesions[inside].astype(np.int64) - 1, regions.labels[inside], len(regions) + 1
    sizes = np.bincount(of_lesion)
    shared = np.bincount(of_lesion * columns + of_finding, minlength=len(sizes) * columns)
    shared = shared.reshape(len(sizes), columns)[:, 1:]
    return np.asarray(shared / (sizes[:, None] + regions.voxels - shared))
