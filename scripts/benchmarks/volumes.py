"""Volumes on disk that read and compress like brain scans: an ellipse of smooth noise in int16, zero around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from scipy.ndimage import zoom

CHANNELS = ("t1", "t2", "flair")
BLANK = 0.11
"""Share of slices without any voxel above 0, as in BraTS2020 (about 17 of 155), half of it at either end."""


def write_volumes(root: Path, cases: int, side: int, depth: int) -> list[dict[str, Any]]:
    """Write three channels and a mask a case as .nii.gz and return the cases as items of a data set."""
    return [write_case(root, f"case_{number:03d}", side, depth, number) for number in range(cases)]


def write_case(root: Path, case: str, side: int, depth: int, seed: int) -> dict[str, Any]:
    """Write one case; voxels are 1 mm, axes in the order of BraTS."""
    generator = np.random.default_rng(seed)
    head, lesion = ellipsoid(side, depth, 0.42), ellipsoid(side, depth, 0.1)
    (root / case).mkdir(parents=True)
    paths = {name: root / case / f"{case}_{name}.nii.gz" for name in (*CHANNELS, "seg")}
    for name in CHANNELS:
        coarse = generator.random((8, 8, 8))
        smooth = zoom(coarse, (side / 8, side / 8, depth / 8), order=1)
        noisy = 400 * smooth + 20 * generator.standard_normal(smooth.shape)
        save(paths[name], np.where(head, np.clip(noisy + 100, 1, None), 0).astype(np.int16))
    save(paths["seg"], lesion.astype(np.uint8))
    names = {"case": case, "patient": case, "site": "unknown"}
    return {"image": [str(paths[name]) for name in CHANNELS], "label": str(paths["seg"]), **names}


def ellipsoid(side: int, depth: int, radius: float) -> np.ndarray:
    """Return (side, side, depth) booleans; `radius` is a share of the side, and most slices are cut."""
    rows = (np.arange(side) + 0.5) / side - 0.5
    heights = ((np.arange(depth) + 0.5) / depth - 0.5) / (1 - BLANK) * 2
    in_plane = (rows[:, None, None] ** 2 + rows[None, :, None] ** 2) / radius**2
    return in_plane <= np.sqrt(np.clip(1 - heights**2, 0, None))[None, None]


def save(path: Path, voxels: np.ndarray) -> None:
    """Write a NIfTI file."""
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-1.0, -1.0, 1.0, 1.0])), path)
