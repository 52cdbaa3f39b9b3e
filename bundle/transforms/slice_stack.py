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
from bundle.volumes import Files, VolumeFile, finite_problems, mask_problems, raise_first, to_class_numbers

# image rows run towards posterior, columns towards left, files towards superior: Orientationd("PLS") changes nothing
_AFFINE = torch.tensor([[0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float64)


class LoadSliceStackd(LoadCaseFilesd):
    """Load a case whose image, label and organ mask are lists of 2D image files (TIFF, PNG) in slice order.

    An image file holds H x W or H x W x C pixels -> (C,H,W,D) float32; a mask file H x W -> (1,H,W,D)
    uint8. Such files know no position: voxels count as 1 mm. A CSV of slice labels works as in `LoadCaseFilesd`.

    Args:
        keys: some of image, label, organ.
        allow_missing_keys: accept cases without some of the keys.
        num_classes: see `LoadCaseFilesd`.
        binary: mask values above 0 become 1; False keeps them, for `mask_values` and `ignored_mask_value`.

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

    def __init__(self, *arguments: Any, binary: bool = True, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.binary = binary

    def read_image(self, paths: Any) -> MetaTensor:
        """Files of the slices -> (C,H,W,D) float32."""
        return _stack(_require_list(paths))

    def read_mask(self, files: Files, image: Tensor) -> MetaTensor:
        """Files of the slices' masks -> (1,H,W,D) of whole numbers: 0 and 1, or those of the files."""
        if len(files) != image.shape[-1]:
            raise ValueError(
                f"{files[0]}: mask must have {image.shape[-1]} slices, one for each slice of the image, got "
                f"{len(files)}: give one file per slice."
            )
        mask = _stack(files)
        if tuple(mask.shape) != (1, *image.shape[1:]):
            raise ValueError(
                f"{files[0]}: mask slices must have the shape {(1, *image.shape[1:3])}, got "
                f"{(len(mask), *mask.shape[1:3])}: save them in one channel at the size of the image."
            )
        voxels = mask.numpy()
        if self.binary:
            voxels = voxels > 0
        else:
            raise_first(mask_problems(str(files[0]), voxels))
        return MetaTensor(torch.from_numpy(to_class_numbers(voxels)), affine=mask.affine, meta=mask.meta)


def _require_list(paths: Any) -> Sequence[str]:
    if isinstance(paths, str | PathLike) or not paths:
        raise ValueError(
            f"slices must be a list of files in slice order, got {paths!r}: for volumes use LoadCaseFilesd."
        )
    return [str(path) for path in paths]


def _stack(files: Files) -> MetaTensor:
    stack = VolumeFile.read(files).data
    raw = np.moveaxis(stack if stack.ndim == 4 else stack[..., None], -1, 0)  # (C,H,W,D)
    voxels = np.ascontiguousarray(raw, dtype=np.float32)
    raise_first(finite_problems(f"{files[0]} and its other slices", voxels))
    meta = {"filename_or_obj": files[0], "original_affine": _AFFINE.numpy(), "space": "RAS"}
    return MetaTensor(torch.from_numpy(voxels), affine=_AFFINE.clone(), meta=meta)
