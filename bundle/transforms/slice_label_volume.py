"""Slice labels as a volume one voxel wide, which MONAI turns the way it turns the image."""

from __future__ import annotations

from pathlib import Path

import torch
from monai.data import MetaTensor
from torch import Tensor

from bundle.transforms.slice_labels import read_slice_labels


def slice_label_volume(path: str | Path, image: Tensor, num_classes: int | None = None) -> MetaTensor:
    r"""Read a CSV of slice labels for an image that still lies as in its file.

    The CSV counts slices along the file's third axis. As a volume with the image's affine the labels can be oriented
    with the image, so that a flipped slice axis flips them too, and an exchanged one shows in the shape.

    Args:
        path: CSV, see `read_slice_labels`.
        image: (C,X,Y,Z), straight from its file.
        num_classes: see `read_slice_labels`.

    Returns:
        (1,1,1,Z) int16 with the image's affine and `meta["filename_or_obj"]`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.csv"
        ...     _ = path.write_text("slice_index,class\n1,1\n")
        ...     slice_label_volume(path, torch.zeros(3, 8, 8, 2)).flatten().tolist()
        [-1, 1]
    """
    labels = read_slice_labels(path, num_slices=image.shape[-1], num_classes=num_classes)
    affine = image.affine if isinstance(image, MetaTensor) else torch.eye(4, dtype=torch.float64)
    return MetaTensor(
        labels.to(torch.int16).reshape(1, 1, 1, -1), affine=affine.clone(), meta={"filename_or_obj": str(path)}
    )
