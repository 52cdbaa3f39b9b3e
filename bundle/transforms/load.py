"""Loading of a case's files as tensors, and the preprocessing that every config starts from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from os import PathLike
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import Compose, MapTransform, Orientationd
from torch import Tensor

from bundle import keys as names
from bundle.volumes import (
    DISPLAY_AXES,
    finite_problems,
    mask_problems,
    raise_first,
    read_volume,
    require_same_grid,
    slice_label_volume,
    to_class_numbers,
)


class LoadCaseFilesd(MapTransform):
    """Load image, label and organ mask of a case and check that they fit each other.

    `image`: a path (3D, 4D with channels last, folder of a DICOM series) or a list of paths in channel order ->
    (C,X,Y,Z) float32. `label`, `organ`: path of a mask of whole numbers -> (1,X,Y,Z), uint8 where that holds it. A
    `label` that is a `.csv` file becomes `slice_labels` (1,1,1,Z), see `slice_label_volume`. None counts as absent.
    Tensors pass as they are.

    Args:
        keys: some of image, label, organ.
        allow_missing_keys: accept cases without some of the keys.
        num_classes: highest class of a CSV, see `read_slice_labels`; None accepts all.

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
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        choices = (names.IMAGE, names.LABEL, names.ORGAN)
        unknown = [key for key in self.keys if key not in choices]
        if unknown:
            raise ValueError(f"keys must be among {choices}, got {unknown}: load other entries by MONAI's LoadImaged.")
        self.num_classes = num_classes

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the paths in a case by tensors."""
        case = {key: value for key, value in data.items() if key not in self.keys or value is not None}
        for key in sorted(self.key_iterator(case), key=_image_first):
            if isinstance(case[key], np.ndarray | Tensor):
                continue
            if key == names.IMAGE:
                case[key] = self.read_image(case[key])
            elif key == names.LABEL and str(case[key]).lower().endswith(".csv"):
                path, image = case.pop(key), _image_of(case)
                case[names.SLICE_LABELS] = slice_label_volume(path, image, num_classes=self.num_classes)
            else:
                case[key] = self.read_mask(case[key], _image_of(case))
        return case

    def read_image(self, paths: Any) -> MetaTensor:
        """Path or paths of the channels -> (C,X,Y,Z) float32."""
        single = isinstance(paths, str | PathLike)
        channels = [read_volume(path) for path in ([paths] if single else paths)]
        if not channels:
            raise ValueError("image must be a path, or a list of one path per channel, got an empty list: name files.")
        for channel in channels:
            require_same_grid(channel, channels[0], "channel")
            raise_first(finite_problems(channel.meta["filename_or_obj"], channel.numpy()))
        if len(channels) == 1:
            return channels[0]
        # joined in the order of the file, see `read_volume`; by NumPy, as its large pages take a third of the time
        voxels = np.concatenate([channel.numpy().transpose(0, 3, 2, 1) for channel in channels])
        return MetaTensor(torch.from_numpy(voxels.transpose(0, 3, 2, 1)), meta=channels[0].meta)

    def read_mask(self, path: Any, image: Tensor) -> MetaTensor:
        """Path of a mask -> (1,X,Y,Z) of whole numbers from 0 on, on the grid of the image."""
        if not isinstance(path, str | PathLike):
            raise ValueError(
                f"label and organ must be the path of one mask file, got {path!r}: for lists of slice images use "
                "LoadSliceStackd."
            )
        mask = read_volume(path)
        require_same_grid(mask, image, "mask")
        file = mask.meta["filename_or_obj"]
        if len(mask) != 1:
            raise ValueError(f"{file} must be a mask of one channel, got {len(mask)}: merge them into class numbers.")
        raise_first(mask_problems(file, mask.numpy()))
        return MetaTensor(torch.from_numpy(to_class_numbers(mask.numpy())), meta=mask.meta)


def _image_first(key: Hashable) -> bool:
    # masks and slice labels are compared with the image
    return key != names.IMAGE


def _image_of(case: Mapping[Hashable, Any]) -> Tensor:
    image = case.get(names.IMAGE)
    if not isinstance(image, np.ndarray | Tensor):
        raise ValueError(f"image must be loaded with its label, got {image!r}: load both at once.")
    return torch.as_tensor(image)


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
