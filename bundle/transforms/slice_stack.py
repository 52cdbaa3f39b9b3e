"""Loading of cases that come as one 2D image file per slice."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from torch import Tensor

from bundle.transforms.load import LoadCaseFilesd
from bundle.volumes import Files, VolumeFile, finite_problems, raise_first

# image rows run towards posterior, columns towards left, files towards superior: Orientationd("PLS") changes nothing
_AFFINE = torch.tensor([[0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float64)


class LoadSliceStackd(LoadCaseFilesd):
    """Load a case whose image, label and organ mask are lists of 2D image files (TIFF, PNG) in slice order.

    An image file holds H x W or H x W x C pixels -> (C,H,W,D) float32; a mask file H x W, above 0 = 1 -> (1,H,W,D)
    uint8. Such files know no position: voxels count as 1 mm. A CSV of slice labels works as in `LoadCaseFilesd`.

    Args:
        keys: some of image, label, organ.
        allow_missing_keys: accept cases without some of the keys.
        num_classes: see `LoadCaseFilesd`.

    Raises:
        ValueError: names the file, the requirement, the finding and the remedy.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = [str(Path(folder) / f"{index}.png") for index in range(2)]
        ...     for file in files:
        ...         Image.new("RGB", (6, 4)).save(file)
        ...     LoadSliceStackd()({"image": files})["image"].shape
        torch.Size([3, 4, 6, 2])
    """

    def read_image(self, paths: Any) -> MetaTensor:
        """Files of the slices -> (C,H,W,D) float32."""
        return _stack(_require_list(paths), binary=False)

    def read_mask(self, files: Files, image: Tensor) -> MetaTensor:
        """Files of the slices' masks -> (1,H,W,D) uint8, 0 and 1."""
        if len(files) != image.shape[-1]:
            raise ValueError(
                f"{files[0]}: mask must have {image.shape[-1]} slices, one for each slice of the image, got "
                f"{len(files)}: give one file per slice."
            )
        mask = _stack(files, binary=True)
        if tuple(mask.shape) != (1, *image.shape[1:]):
            raise ValueError(
                f"{files[0]}: mask slices must have the shape {(1, *image.shape[1:3])}, got "
                f"{(len(mask), *mask.shape[1:3])}: save them in one channel at the size of the image."
            )
        return mask


def _require_list(paths: Any) -> Sequence[str]:
    if isinstance(paths, str | PathLike) or not paths:
        raise ValueError(
            f"slices must be a list of files in slice order, got {paths!r}: for volumes use LoadCaseFilesd."
        )
    return [str(path) for path in paths]


def _stack(files: Files, *, binary: bool) -> MetaTensor:
    stack = VolumeFile.read(files).data
    raw = np.moveaxis(stack if stack.ndim == 4 else stack[..., None], -1, 0)  # (C,H,W,D)
    voxels = np.ascontiguousarray(raw > 0 if binary else raw, dtype=np.uint8 if binary else np.float32)
    raise_first(finite_problems(f"{files[0]} and its other slices", voxels))
    meta = {"filename_or_obj": files[0], "original_affine": _AFFINE.numpy(), "space": "RAS"}
    return MetaTensor(torch.from_numpy(voxels), affine=_AFFINE.clone(), meta=meta)
