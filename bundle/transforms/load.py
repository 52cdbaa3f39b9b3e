"""Loading of a case's files as tensors, and the preprocessing that every config starts from."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from typing import Any, cast

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import Compose, MapTransform, Orientationd
from torch import Tensor

from bundle import keys as names
from bundle.volumes import (
    DISPLAY_AXES,
    TOLERANCE_MM,
    CaseFiles,
    Files,
    Grid,
    VolumeFile,
    image_tensor,
    is_slice_image,
    mask_files,
    mask_tensor,
    raise_first,
    slice_label_volume,
)


class LoadCaseFilesd(MapTransform):
    """Load image, label and organ mask of a case and check that they fit each other.

    `image`: a path (3D, 4D with channels last, folder of a DICOM series) or a list of paths in channel order ->
    (C,X,Y,Z) float32. `label`, `organ`: path of a mask of whole numbers -> (1,X,Y,Z), uint8 where that holds it, with
    its axes turned to the image's where it lies in the same place. A `label` that is a `.csv` file becomes
    `slice_labels` (1,1,1,Z), see `slice_label_volume`. None counts as absent. Tensors pass as they are, but an `image`
    (X,Y,Z), as MONAI Deploy gives it, gets its channel.

    Args:
        keys: some of image, label, organ.
        allow_missing_keys: accept cases without some of the keys.
        num_classes: highest class of a CSV, see `read_slice_labels`; None accepts all.
        mask_grid: ``"by_header"``, or ``"by_voxel"`` where the masks' headers are known to be wrong and their voxels
            fit those of the image one by one.
        grid_tolerance_mm: how far the corners of a mask or channel may lie from the image's.

    Raises:
        ValueError: names the file, the requirement, the finding and the remedy.

    Example:
        >>> sorted(LoadCaseFilesd()({"image": torch.zeros(1, 4, 4, 2), "label": None}))
        ['image']
    """

    def __init__(
        self,
        keys: KeysCollection = (names.IMAGE, names.LABEL, names.ORGAN),
        allow_missing_keys: bool = True,
        num_classes: int | None = None,
        mask_grid: str = "by_header",
        grid_tolerance_mm: float = TOLERANCE_MM,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        choices = (names.IMAGE, names.LABEL, names.ORGAN)
        unknown = [key for key in self.keys if key not in choices]
        if unknown:
            raise ValueError(f"keys must be among {choices}, got {unknown}: load other entries by MONAI's LoadImaged.")
        self.num_classes = num_classes
        self.files = CaseFiles(grid_tolerance_mm, mask_grid)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the paths in a case by tensors."""
        case = {key: value for key, value in data.items() if key not in self.keys or value is not None}
        for key in sorted(self.key_iterator(case), key=_image_first):
            if isinstance(case[key], np.ndarray | Tensor):
                if key == names.IMAGE and case[key].ndim == 3:
                    case[key] = case[key][None]
                continue
            if key == names.IMAGE:
                case[key] = self.read_image(case[key])
                continue
            image = _image_of(case)
            files, problems = mask_files(case[key], _name_of(image), str(key))
            raise_first(problems)
            if key == names.LABEL and os.fspath(files[0]).lower().endswith(".csv"):
                del case[key]
                case[names.SLICE_LABELS] = slice_label_volume(os.fspath(files[0]), image, num_classes=self.num_classes)
            else:
                case[key] = self.read_mask(files, image)
        return case

    def read_image(self, paths: Any) -> MetaTensor:
        """Path or paths of the channels -> (C,X,Y,Z) float32."""
        files = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        if not files:
            raise ValueError("image must be a path, or a list of one path per channel, got an empty list: name files.")
        if any(map(is_slice_image, files)):
            raise ValueError(f"{files[0]} must be a volume, got a slice image: load slices by LoadSliceStackd.")
        channels, problems = self.files.channels(files)
        raise_first(problems)
        return image_tensor(channels)

    def read_mask(self, files: Files, image: Tensor) -> MetaTensor:
        """File of a mask -> (1,X,Y,Z) of whole numbers from 0 on, on the grid of the image."""
        if len(files) > 1:
            raise ValueError(
                f"{files[0]} must be one mask file, got {len(files)} slices: use LoadSliceStackd for them."
            )
        mask, problems = self.files.mask(files, Grid.of_tensor(image))
        raise_first(problems)
        return mask_tensor(cast(VolumeFile, mask))  # without a mask there is a problem


def _image_first(key: Hashable) -> bool:
    # masks and slice labels are compared with the image
    return key != names.IMAGE


def _image_of(case: Mapping[Hashable, Any]) -> Tensor:
    image = case.get(names.IMAGE)
    if not isinstance(image, np.ndarray | Tensor):
        raise ValueError(f"image must be loaded with its label, got {image!r}: load both at once.")
    return torch.as_tensor(image)


def _name_of(image: Tensor) -> str:
    return str(getattr(image, "meta", {}).get("filename_or_obj", "the case"))


_RAS_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


def default_preprocessing(num_classes: int | None = None) -> Compose:
    """Load a case and turn it to the raster: rows towards posterior, columns towards left, slices towards superior.

    Slice k of the result is `image[..., k]`; `Invertd` brings maps back to the file's axes exactly.

    Args:
        num_classes: for the check of slice label files, see `read_slice_labels`.

    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> image = torch.zeros(1, 4, 6, 2)
        >>> default_preprocessing()({"image": MetaTensor(image, affine=torch.eye(4))})["image"].shape
        torch.Size([1, 6, 4, 2])
    """
    turned = (names.IMAGE, names.LABEL, names.ORGAN, names.SLICE_LABELS)
    return Compose(
        [
            LoadCaseFilesd(num_classes=num_classes),
            Orientationd(keys=turned, axcodes=DISPLAY_AXES, labels=_RAS_LABELS, allow_missing_keys=True),
        ]
    )
