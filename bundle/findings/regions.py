"""Regions of a map that may be findings: connected in 3D, within runs of positive slices, each with a score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.measure import label

CONNECTIVITY = 3
"""Of scikit-image: voxels that share a corner are neighbors (26), as in the reference lesions of PI-CAI."""
_MM3_PER_ML = 1000.0


@dataclass(frozen=True)
class FindingRule:
    """The rule by which map and probabilities become findings; its numbers are chosen on validation patients.

    Args:
        map_threshold: lowest value inside a region, on the map scaled to `map_scale`.
        minimum_ml: volume below which a region is no finding.
        map_scale: map values that are scaled to 0 and 1; what lies outside is cut.

    Raises:
        ValueError: from `read`, an unknown, missing or malformed entry.

    Example:
        >>> FindingRule.read({"map_threshold": 0.5, "map_scale": [0, 2]}).scaled(np.array([-1.0, 0.5, 3.0]))
        array([0.  , 0.25, 1.  ])
    """

    map_threshold: float
    minimum_ml: float = 0.0
    map_scale: Sequence[float] = (0.0, 1.0)

    @classmethod
    def read(cls, entries: Mapping[str, Any]) -> FindingRule:
        """Return the rule that a config holds as `finding_rule`."""
        known = {field.name for field in fields(cls)}
        is_known = isinstance(entries, Mapping) and {"map_threshold"} <= entries.keys() <= known
        found = cls(**entries) if is_known else None
        if found is None or not found._is_sound():
            raise ValueError(
                "finding_rule must hold map_threshold above 0 and up to 1, and perhaps minimum_ml of at least 0 and "
                f"the two numbers of map_scale, the lower first, got {entries!r}: take the entries that "
                "scripts/score_findings.py wrote into metrics.json."
            )
        return found

    def _is_sound(self) -> bool:
        """Return whether all entries are numbers in their range."""
        try:
            low, high = map(float, self.map_scale)
            return 0 < float(self.map_threshold) <= 1 and 0 <= float(self.minimum_ml) < np.inf and low < high < np.inf
        except (TypeError, ValueError):
            return False

    def entries(self) -> dict[str, Any]:
        """Return the form in which configs and metrics.json hold it."""
        return {
            "map_threshold": self.map_threshold,
            "minimum_ml": self.minimum_ml,
            "map_scale": list(self.map_scale),
        }

    def scaled(self, volume_map: NDArray) -> NDArray:
        """Return the map in [0, 1]."""
        low, high = self.map_scale
        return np.clip((volume_map - low) / (high - low), 0, 1)


@dataclass(frozen=True)
class Regions:
    """Connected regions of a volume, the highest score first.

    Args:
        labels: (H, W, D) int32, 0 outside, 1 to n inside.
        score: (n,) in [0, 1], see `find_regions`.
        voxels: (n,) number of voxels.
    """

    labels: NDArray
    score: NDArray
    voxels: NDArray

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.score)


def find_regions(
    volume_map: NDArray,
    probability: ArrayLike,
    slice_threshold: float,
    rule: FindingRule,
    voxel_mm3: float,
    thickness: ArrayLike = 1.0,
) -> Regions:
    """Return the connected regions of a map above its threshold, within runs of positive slices.

    Voxels that share a corner belong together; a region ends where a slice is negative. Its score is the highest
    probability of its slices times the mean of the scaled map inside: that a slice shows something, and here.

    Args:
        volume_map: (H, W, D), finite.
        probability: (D,) of the slices.
        slice_threshold: probability from which a slice is positive.
        rule: threshold, smallest volume and scale.
        voxel_mm3: volume of a voxel.
        thickness: (D,) of the slices, as a multiple of that of such a voxel.

    Example:
        >>> volume = np.zeros((4, 4, 3))
        >>> volume[0, 0], volume[3, 3, 1] = 0.5, 1
        >>> found = find_regions(volume, [0.25, 1, 0.75], 0.5, FindingRule(map_threshold=0.5), voxel_mm3=1)
        >>> found.labels[0, 0].tolist(), found.labels[3, 3].tolist(), found.score.tolist(), found.voxels.tolist()
        ([0, 2, 2], [0, 1, 0], [1.0, 0.5], [1, 2])
    """
    chances = np.asarray(probability, dtype=np.float64)
    thick = np.broadcast_to(np.asarray(thickness, dtype=np.float64), chances.shape)
    # slices one after another in memory, as the map has them
    labels = np.moveaxis(np.zeros((volume_map.shape[-1], *volume_map.shape[:2]), dtype=np.int32), 0, -1)
    boxes: list[tuple[slice, ...]] = []
    voxels, score, size = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    for run in _runs(chances >= slice_threshold):
        inside = _inside(volume_map[..., run], rule)
        for box in ndimage.find_objects(inside.view(np.uint8)):  # the one around all voxels inside, if there are any
            place = *box[:2], slice(run.start + box[2].start, run.start + box[2].stop)
            found = label(inside[box], connectivity=CONNECTIVITY)
            more, scores = _measured(found, volume_map[place], chances[place[2]], rule)
            labels[place] = np.where(found, found + len(voxels), 0)
            boxes.append(place)
            voxels, score = np.concatenate([voxels, more]), np.concatenate([score, scores])
            size = np.append(size, _sizes(found, thick[place[2]]))
    order = np.lexsort((-voxels, -score))
    kept = order[size[order] * voxel_mm3 >= rule.minimum_ml * _MM3_PER_ML]
    number = np.zeros(len(voxels) + 1, dtype=np.int32)
    number[kept + 1] = np.arange(1, len(kept) + 1)
    for place in boxes:
        labels[place] = number[labels[place]]
    return Regions(labels, score[kept], voxels[kept])


def _inside(volume_map: NDArray, rule: FindingRule) -> NDArray[np.bool_]:
    """Return which voxels reach the threshold; by slices, as the scaled map would take several times its memory."""
    slices = [rule.scaled(volume_map[..., index]) >= rule.map_threshold for index in range(volume_map.shape[-1])]
    return np.moveaxis(np.stack(slices), 0, -1)


def _measured(found: NDArray, volume_map: NDArray, chances: NDArray, rule: FindingRule) -> tuple[NDArray, NDArray]:
    """Return number of voxels and score of each region.

    Args:
        found: (h, w, d), 1 to n in the regions.
        volume_map: (h, w, d).
        chances: (d,) probability of the slices.
        rule: with the scale.
    """
    inside = np.nonzero(found)
    of = found[inside] - 1
    voxels = np.bincount(of)
    best = np.zeros(len(voxels))
    np.maximum.at(best, of, chances[inside[2]])
    mean = np.bincount(of, weights=rule.scaled(volume_map[inside])) / voxels
    return voxels, np.round(best * mean, 6)  # sums of different length must not tell equal regions apart


def _sizes(found: NDArray, thickness: NDArray) -> NDArray:
    """Return the number of voxels of each region, those of thick slices counted more."""
    inside = np.nonzero(found)
    return np.bincount(found[inside] - 1, weights=thickness[inside[2]])


def _runs(positive: NDArray) -> Iterator[slice]:
    """Yield the runs of true values of (D,)."""
    for (run,) in ndimage.find_objects(ndimage.label(positive)[0]):
        yield run
