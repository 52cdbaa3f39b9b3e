"""Small volumes on disk."""

import nibabel as nib
import numpy as np
import pytest

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def write_volume(tmp_path):
    """Write voxels as NIfTI; the affine's axes point left, posterior, superior as BraTS files do."""

    def write(name, voxels, affine=LPS):
        path = tmp_path / name
        nib.save(nib.Nifti1Image(np.asarray(voxels), affine), path)
        return str(path)

    return write
