"""Slices as radiologists expect them: turned upright, in true proportion, with the patient's sides at the edges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SIDES = ("RL", "AP", "HF")
"""Letters of DICOM's Patient Orientation along the axes of RAS, positive end first."""
_WORDS = {"R": "right", "L": "left", "A": "front", "P": "back", "H": "head", "F": "feet"}
_NAMES = ("sagittal", "coronal", "axial")
_RIGHT_AND_DOWN = (
    ((0, -1, 0), (0, 0, -1)),  # sagittal: the face looks to the left
    ((-1, 0, 0), (0, 0, -1)),  # coronal: as if the patient faced the reader
    ((-1, 0, 0), (0, -1, 0)),  # axial: seen from the feet
)
_OBLIQUE = 0.25
"""Share of a direction from which a second letter is shown: about 15 degrees."""

_SOFT_TISSUE = (40.0, 400.0)
_PERCENTILES = (1.0, 99.5)


class Window(NamedTuple):
    """Gray values from black to white.

    Args:
        center: in the middle of the grays.
        width: from black to white.
        unit: of both; empty where there is none.
        source: where the two come from.
    """

    center: float
    width: float
    unit: str
    source: str

    @property
    def ends(self) -> tuple[float, float]:
        """Values of black and white."""
        return self.center - self.width / 2, self.center + self.width / 2

    @property
    def text(self) -> str:
        """Level and width for people."""
        return f"level {self.center:.4g}, width {self.width:.4g}{self.unit and ' ' + self.unit}, {self.source}"


def slice_window(values: NDArray, of_file: tuple[float, float] | None, modality: str) -> Window:
    """Return the window of a slice: that of its file, for a CT without one that of soft tissue, else by percentiles.

    Args:
        values: of the slice, after the modality LUT.
        of_file: center and width; None where the file has none.
        modality: of DICOM.

    Example:
        >>> slice_window(np.arange(5), (40.0, 80.0), "CT").text
        'level 40, width 80 HU, as the file says'
        >>> slice_window(np.arange(201), None, "MR").ends
        (2.0, 199.0)
    """
    unit = "HU" if modality == "CT" else ""
    if of_file is not None and np.isfinite(of_file).all() and of_file[1] >= 1:
        return Window(*of_file, unit, "as the file says")
    if unit:
        return Window(*_SOFT_TISSUE, unit, "for soft tissue, as the file says none")
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, _PERCENTILES) if finite.size else (0, 1)
    source = f"percentiles {_PERCENTILES[0]:g} to {_PERCENTILES[1]:g} of the slice"
    width = float(high - low) or 1.0
    return Window(float(low) + width / 2, width, unit, source)


def side_letters(direction: NDArray) -> str:
    """Return where a direction points, the main side first.

    Args:
        direction: (3,) in RAS, of any length above 0.

    Source: DICOM PS3.3 C.7.6.1.1.1, Patient Orientation.

    Example:
        >>> side_letters(np.array([-2.0, 0, 0])), side_letters(np.array([0, -1.0, 0.5]))
        ('L', 'PH')
    """
    unit = np.asarray(direction) / np.linalg.norm(direction)
    order = np.argsort(-np.abs(unit), kind="stable")
    return "".join(_SIDES[axis][int(unit[axis] < 0)] for axis in order if abs(unit[axis]) >= _OBLIQUE)


def place_in_patient(point_lps: NDArray) -> str:
    """Return a point of the scanner's coordinates for people.

    Args:
        point_lps: (3,) to the left, back and head in mm, as DICOM has it.

    Example:
        >>> place_in_patient(np.array([34.2, -12.0, 8.4]))
        'L 34, A 12, H 8'
    """
    letters = (side[int(value < 0)] for side, value in zip(("LR", "PA", "HF"), point_lps, strict=True))
    return ", ".join(f"{letter} {abs(value):.0f}" for letter, value in zip(letters, point_lps, strict=True))


class DisplayPlane:
    """The way in which the slices of a stack are shown.

    Args:
        affine: (4, 4), column, row and slice to RAS in mm.

    Example:
        >>> sagittal = DisplayPlane(np.array([[0, 0, 4.0, 0], [1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 1]]))
        >>> sagittal.name, sagittal.letters["right"], sagittal.letters["bottom"], sagittal.order
        ('sagittal', 'P', 'F', 'from left to right')
        >>> sagittal.size_px((30, 10), 60)
        (60, 40)
    """

    def __init__(self, affine: NDArray) -> None:
        axes = np.asarray(affine, dtype=np.float64)[:3, :2].T
        spacing = np.linalg.norm(axes, axis=1)
        units = axes / spacing[:, None]  # along a row, then along a column
        normal = np.cross(*units)
        axis = int(np.argmax(np.abs(normal)))
        right, down = np.array(_RIGHT_AND_DOWN[axis])
        self._is_turned = bool(abs(units[1] @ right) > abs(units[0] @ right))
        if self._is_turned:
            units, spacing = units[::-1], spacing[::-1]
        self._flips = (bool(units[1] @ down < 0), bool(units[0] @ right < 0))
        to_bottom, to_right = (units[1 - side] * (-1 if flip else 1) for side, flip in enumerate(self._flips))
        self.spacing = (float(spacing[1]), float(spacing[0]))
        """Distance in mm between rows and between columns, as shown."""
        sides = {"right": to_right, "left": -to_right, "bottom": to_bottom, "top": -to_bottom}
        self.letters = {side: side_letters(direction) for side, direction in sides.items()}
        oblique = len(side_letters(normal)) > 1
        self.name = f"{'oblique ' * oblique}{_NAMES[axis]}"
        step = np.asarray(affine)[:3, 2]
        start, end = (_WORDS[side_letters(sign * step)[0]] for sign in (-1, 1))
        self.order = f"from {start} to {end}"

    def shown(self, values: NDArray) -> NDArray:
        """Return a slice (columns, rows) as it is shown, (H, W).

        Args:
            values: of the slice.
        """
        picture = values if self._is_turned else values.T
        down, right = (slice(None, None, -1 if flip else 1) for flip in self._flips)
        return picture[down, right]

    def size_px(self, slice_shape: tuple[int, int], longest_px: int) -> tuple[int, int]:
        """Return width and height of a picture of square pixels.

        Args:
            slice_shape: columns and rows of the slice.
            longest_px: of the longer side.
        """
        columns, rows = slice_shape[::-1] if self._is_turned else slice_shape
        height, width = rows * self.spacing[0], columns * self.spacing[1]
        scale = longest_px / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))
