"""Masks: the values they may hold, and which of them are the finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bundle.volumes.problem import Problem
from bundle.volumes.volume_file import ROUNDING

# BraTS has 4, LiTS 3; a whole-body label map over 100, a mask saved as a blurred picture up to 256.
_MANY_VALUES = 8
_HIGHEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class MaskValues:
    """Choice of the mask values that are the finding; checks and slices go by the same.

    Args:
        values: mask values that are the finding, everything else counts as 0; None: every value above 0. With several
            classes the first is class 1, the second class 2, and so on.
        ignored: value of voxels of which the reader was unsure; they make no slice positive.

    Raises:
        ValueError: values that are no positive whole numbers, or that hold the ignored one.

    Example:
        >>> MaskValues([6], ignored=255).classes(np.array([0, 1, 6, 255]))
        array([0, 0, 1, 0])
    """

    values: Sequence[int] | None = None
    ignored: int | None = None

    def __post_init__(self) -> None:
        chosen = [] if self.values is None else list(self.values)
        whole = all(type(value) is int and value > 0 for value in chosen)
        if not whole or len(set(chosen)) < len(chosen) or (self.values is not None and not chosen):
            raise ValueError(
                f"mask_values must be a list of different whole numbers above 0, or null, got {self.values!r}: name "
                "the values of the mask that are the finding, such as [6]."
            )
        if self.ignored is not None and (type(self.ignored) is not int or self.ignored < 1 or self.ignored in chosen):
            raise ValueError(
                f"ignored_mask_value must be a whole number above 0 that is not in mask_values, or null, got "
                f"{self.ignored!r}: name the value of voxels that are unsure, such as 255."
            )

    def classes(self, voxels: NDArray, num_classes: int = 1) -> NDArray:
        """Return the class of each voxel of a mask of whole numbers; unsure ones are 0.

        Args:
            voxels: any shape.
            num_classes: 1, or K > 1 classes in the order of `values`.

        Raises:
            ValueError: more values than classes.
        """
        if self.values is None:
            return voxels if self.ignored is None else np.where(voxels == self.ignored, 0, voxels).astype(voxels.dtype)
        if 1 < num_classes <= len(self.values):
            raise ValueError(
                f"mask_values must name at most {num_classes - 1} values for {num_classes} classes, got "
                f"{list(self.values)}: raise num_classes, or name fewer."
            )
        found = np.zeros_like(voxels)
        for index, value in enumerate(self.values, 1):
            found[voxels == value] = index if num_classes > 1 else 1
        return found

    def unsure(self, voxels: NDArray) -> NDArray | None:
        """Return where a mask is unsure, bool; None where no value says so."""
        return None if self.ignored is None else voxels == self.ignored


def mask_problems(file: str, voxels: NDArray, num_classes: int | None = None) -> Iterator[Problem]:
    """Yield what is wrong with the values of a mask.

    Args:
        file: named in the problem.
        voxels: values of the mask, any shape.
        num_classes: with K > 1 classes, mask values are class indices below K; 1 or None: any whole number from 0 on.

    Example:
        >>> [problem.found for problem in mask_problems("m.nii", np.full((2, 2, 2), 0.5))]
        ['values that are not whole, e.g. 0.5']
    """
    if not voxels.size:
        return
    low, high = voxels.min(), voxels.max()
    if not np.isfinite([low, high]).all() or not _is_whole(voxels=voxels):
        remedy = (
            "threshold it knowingly if it is a probability that a model predicted, resample it with nearest neighbor, "
            "or use the drawn mask"
        )
        found = f"values that are not whole, e.g. {_first_odd(voxels=voxels):g}"
        yield Problem(file, "hold whole numbers", found, remedy)
        return
    highest = num_classes - 1 if num_classes is not None and num_classes > 1 else _HIGHEST
    if low < -ROUNDING or high > highest + ROUNDING:
        beyond = np.unique(voxels[(voxels < -ROUNDING) | (voxels > highest + ROUNDING)])
        remedy = "relabel the mask, or set num_classes to its highest value + 1" if low >= 0 else "relabel the mask"
        expected = f"hold values from 0 to {highest}" if high > highest else "hold values of 0 and above"
        yield Problem(file, expected, f"the values {[float(value) for value in beyond[:8]]}", remedy)


def mask_warnings(file: str, voxels: NDArray, num_classes: int, choice: MaskValues) -> Iterator[Problem]:
    """Yield a warning for a valid mask that is empty, or whose values are hardly those of one finding.

    Args:
        file: named in the warning.
        voxels: whole numbers from 0 on, see `to_class_numbers`.
        num_classes: several classes have several values.
        choice: of the values that are the finding.
    """
    values = _values_of(voxels) - {0, choice.ignored}
    marked = values if choice.values is None else values & set(choice.values)
    if not marked:
        found = f"none of the values {list(choice.values)}" if values and choice.values else "an empty mask"
        remedy = "fine if the scan is healthy, then all its slices count as negative; otherwise take the right mask"
        yield Problem(file, "mark voxels", found, remedy, "warning")
    elif num_classes == 1 and choice.values is None:
        yield from _odd_values(file, sorted(values))


def _odd_values(file: str, values: list[int]) -> Iterator[Problem]:
    if len(values) >= _MANY_VALUES:
        remedy = (
            "any value above 0 counts as the finding, so a map of many organs or a blurred mask marks too much; name "
            "the finding's by mask_values"
        )
        yield Problem(file, "mark one finding", f"{len(values) + 1} different values", remedy, "warning")
        return
    gaps = [pair for pair in pairwise(values) if pair[1] > min(2 * pair[0] + 2, pair[0] + 8)]
    if gaps:
        before, after = gaps[0]
        remedy = (
            f"any value above 0 counts as the finding; if {after} means unsure, set ignored_mask_value to it, if only "
            "some values are the finding, name them by mask_values"
        )
        found = f"a gap between {before} and {after} (values {values})"
        yield Problem(file, "mark one finding", found, remedy, "warning")


def _values_of(classes: NDArray) -> set[int]:
    if classes.dtype != np.uint8:
        return set(np.unique(classes).tolist())
    # part by part: bincount makes eight bytes of each voxel, too much for a CT of 500 slices
    parts = np.array_split(classes.ravel(order="K"), max(1, classes.size // 2**20))
    counts = sum(np.bincount(part, minlength=256) for part in parts)
    return set(np.flatnonzero(counts).tolist())


def to_class_numbers(voxels: NDArray) -> NDArray:
    """Return the voxels of a mask without problems as whole numbers: uint8 where that holds them, else int32.

    Example:
        >>> to_class_numbers(np.array([0.0, 0.9999, 300.0])), to_class_numbers(np.array([2.0])).dtype
        (array([  0,   1, 300], dtype=int32), dtype('uint8'))
    """
    dtype = np.uint8 if not voxels.size or voxels.max() <= np.iinfo(np.uint8).max else np.int32
    compact = voxels.astype(dtype)
    return compact if np.array_equal(compact, voxels) else np.rint(voxels).astype(dtype)


def _is_whole(*, voxels: NDArray) -> bool:
    if voxels.dtype.kind in "iub":
        return True
    with np.errstate(invalid="ignore"):
        if (voxels.astype(np.uint8) == voxels).all():  # the usual mask, at a quarter of the cost
            return True
    return bool((np.abs(voxels - np.rint(voxels)) <= ROUNDING).all())


def _first_odd(*, voxels: NDArray) -> float:
    odd = ~np.isfinite(voxels)
    if not odd.any():
        odd = np.abs(voxels - np.rint(voxels)) > ROUNDING
    return float(voxels[odd][0])
