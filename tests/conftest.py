"""Fixtures of every test: the place of shared, uncommitted data, one thread a process, and no GPU but for tests/gpu."""

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

torch.set_num_threads(1)
if not os.environ.get("GPU_CHECK_DEVICE"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a GPU adds in changing order: runs would not be the same to the bit


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Every test draws the same numbers from torch, alone or in any order."""
    torch.manual_seed(0)


@pytest.fixture
def write_volume(tmp_path):
    """Write voxels as NIfTI; the affine's axes point left, posterior, superior as BraTS files do."""

    def write(name, voxels, affine=LPS):
        path = tmp_path / name
        nib.save(nib.Nifti1Image(np.asarray(voxels), affine), path)
        return str(path)

    return write
