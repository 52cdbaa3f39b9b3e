"""NIfTI files that several rooms read one after another are decompressed once. Imports no room, so that all may use it.

The checks look at a file as it lies on disk, the transforms make a tensor of it, and neither knows the other; but to
decompress is a third of what ingestion costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage

_kept: ContextVar[dict[str, SpatialImage] | None] = ContextVar("kept", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Within this context `load_nifti` keeps what it reads, for a second reader; at its end all is let go.

    The context is the thread's own: others read as ever.

    Example:
        >>> with read_once():
        ...     pass
    """
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def load_nifti(path: str) -> SpatialImage:
    """Open a NIfTI file: as `nibabel.load`, and within `read_once` with its voxels in memory.

    Args:
        path: .nii or .nii.gz.

    Returns:
        The image; its header and affine are the caller's own, its voxels are those of all readers of the context.

    Raises:
        Exception: what nibabel raises at a missing or broken file.

    Example:
        >>> load_nifti("nowhere.nii.gz")
        Traceback (most recent call last):
        FileNotFoundError: No such file or no access: 'nowhere.nii.gz'
    """
    kept = _kept.get()
    if kept is None:
        return nib.load(path)
    if path not in kept:
        image = nib.load(path)
        kept[path] = type(image)(np.asanyarray(image.dataobj), image.affine, image.header)
    image = kept[path]
    # MONAI corrects header and affine in place, which the other reader shall not see
    return type(image)(image.dataobj, image.affine, image.header)
