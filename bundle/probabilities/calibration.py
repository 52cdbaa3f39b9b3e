"""Calibration of logits to another hospital: alignment of their distribution, slope and bias, position in the scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LARGEST = 16.0
"""Logit of a probability that float32 hardly tells from 1; what is read from a file as 0 or 1 becomes finite by it."""


@dataclass(frozen=True)
class ScoreCalibration:
    """Change of a slice's logit z: `slope * align(z) + bias + position . (c, c^2)`, c from -1 to 1 along the scan.

    `align` is monotone, linear between the given logits and of slope 1 outside. Without `position` the order of the
    slices stays as it is where `slope` is above 0.

    Args:
        alignment: logits that ascend, and what each becomes; None changes nothing.
        slope: inverse of a temperature.
        bias: in logits.
        position: weights of the centered position and of its square, 0 in the middle of the scan.

    Raises:
        ValueError: from `read`, an unknown or malformed entry.

    Example:
        >>> calibration = ScoreCalibration.read({"alignment": [[-1, 1], [-2, 0]], "bias": 0.5})
        >>> calibration(np.array([-2.0, 0.0, 3.0]), position=[0, 0.5, 1])
        array([-2.5, -0.5,  2.5])
    """

    alignment: Sequence[Sequence[float]] | None = None
    slope: float = 1.0
    bias: float = 0.0
    position: Sequence[float] = (0.0, 0.0)

    @classmethod
    def read(cls, entries: Mapping[str, Any], name: str = "score_calibration") -> ScoreCalibration:
        """Return the calibration that a config holds under a name."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(entries) - known):
            raise ValueError(f"{name} must hold some of {sorted(known)}, got {unknown}: remove them.")
        found = cls(**entries)
        numbers = [found.slope, found.bias, *found.position, *np.concatenate(found.alignment or [[]])]
        is_pair = found.alignment is None or (len(found.alignment) == 2 and _ascends(*found.alignment))
        if not is_pair or len(found.position) != 2 or not np.isfinite(np.asarray(numbers, dtype=np.float64)).all():
            raise ValueError(
                f"{name} must hold finite numbers: slope, bias, two of position and two equally long "
                f"ascending lists of alignment, got {dict(entries)}: take the file that scripts/adapt.py wrote."
            )
        return found

    def __call__(self, logits: NDArray, position: ArrayLike) -> NDArray:
        """Return the calibrated logits (n,) of slices at relative positions (n,) from 0 to 1."""
        centered = 2 * np.asarray(position, dtype=np.float64) - 1
        of_position = self.position[0] * centered + self.position[1] * centered**2
        return np.asarray(self.slope * self.aligned(logits) + self.bias + of_position)

    def aligned(self, logits: NDArray) -> NDArray:
        """Return logits (n,) after the alignment alone."""
        if self.alignment is None:
            return logits
        old, new = np.asarray(self.alignment, dtype=np.float64)
        outside = logits - np.clip(logits, old[0], old[-1])
        return np.asarray(np.interp(logits, old, new) + outside)

    def entries(self) -> dict[str, Any]:
        """Return what a config holds of it, without what changes nothing."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}


def _ascends(old: Sequence[float], new: Sequence[float]) -> bool:
    return len(old) == len(new) > 0 and bool((np.diff(old) > 0).all() and (np.diff(new) >= 0).all())


def logits_of(probabilities: ArrayLike) -> NDArray:
    """Return logits (n, K) of probabilities (n,) or (n, K): of a single one within +-16, of several their logarithms.

    Example:
        >>> logits_of([0.5, 1.0]).tolist()
        [[0.0], [16.0]]
    """
    values = np.asarray(probabilities, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    with np.errstate(divide="ignore"):
        if values.shape[1] > 1:
            return np.asarray(np.log(values).clip(min=-_LARGEST))
        return np.asarray((np.log(values) - np.log1p(-values)).clip(-_LARGEST, _LARGEST))
