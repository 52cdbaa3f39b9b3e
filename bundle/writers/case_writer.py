"""What inference leaves of one case."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bundle.writers.atomic_folder import folder_atomically
from bundle.writers.case_folder import case_folder
from bundle.writers.csv_table import write_csv
from bundle.writers.metrics_json import write_json
from bundle.writers.nifti import write_nifti
from bundle.writers.picture import write_picture


def write_case(
    output_dir: str | os.PathLike[str],
    case: str,
    *,
    attribution: NDArray,
    affine: NDArray,
    slices: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    overlay: NDArray,
) -> Path:
    """Write `<output_dir>/<case>/` with slices.csv, summary.json, attribution.nii.gz and overlay.png.

    The folder appears by one rename when all four files are done, so a folder that is there is finished.

    Args:
        output_dir: made if missing.
        case: name of the folder.
        attribution: (H, W, D) on the source grid; stored as float32.
        affine: (4, 4) of the source, voxel to world in mm.
        slices: one row per slice, such as {"slice": 0, "probability": 0.9, "blank": False}.
        summary: what JSON can hold, such as the volume's probabilities and the threshold.
        overlay: picture, see `write_picture`.

    Returns:
        The folder.

    Raises:
        ValueError: the case cannot name a folder, or an array has a wrong shape.

    Example:
        >>> import numpy as np, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = write_case(folder, "a", attribution=np.zeros((4, 4, 1)), affine=np.eye(4), summary={"max": 0.5},
        ...                       slices=[{"slice": 0, "probability": 0.5}], overlay=np.zeros((8, 8), np.uint8))
        ...     sorted(file.name for file in made.iterdir())
        ['attribution.nii.gz', 'overlay.png', 'slices.csv', 'summary.json']
    """

    def fill(folder: Path) -> None:
        write_csv(folder / "slices.csv", slices)
        write_json(folder / "summary.json", summary)
        write_nifti(folder / "attribution.nii.gz", attribution, affine)
        write_picture(folder / "overlay.png", overlay)

    return folder_atomically(case_folder(output_dir, case), fill)
