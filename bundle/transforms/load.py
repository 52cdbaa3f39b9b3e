"""A case's files as tensors, or a refusal that tells what is wrong with which file."""

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
from bundle.volumes import read_volume, require_same_grid, slice_label_volume


class LoadCased(MapTransform):
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
        ValueError: names the file, what was expected, what came and what to do.

    Example:
        >>> sorted(LoadCased()({"image": torch.zeros(1, 4, 4, 2), "label": None}))
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
            raise ValueError(f"Expected `keys` to be among {choices} but got {unknown}.")
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
            raise ValueError("Expected the path of an image, or a list of one path per channel, but got an empty list.")
        for channel in channels:
            require_same_grid(channel, channels[0])
            _require_finite(channel)
        if len(channels) == 1:
            return channels[0]
        # joined in the order of the file, see `read_nifti`; by NumPy, as its large pages take a third of the time
        voxels = np.concatenate([channel.numpy().transpose(0, 3, 2, 1) for channel in channels])
        return MetaTensor(torch.from_numpy(voxels.transpose(0, 3, 2, 1)), meta=channels[0].meta)

    def read_mask(self, path: Any, image: Tensor) -> MetaTensor:
        """Path of a mask -> (1,X,Y,Z) of whole numbers from 0 on, on the grid of the image."""
        if not isinstance(path, str | PathLike):
            raise ValueError(
                f"Expected the path of one mask file but got {path!r}: for lists of slice images use LoadSliceStackd."
            )
        mask = read_volume(path)
        require_same_grid(mask, image)
        return _whole_numbers(mask)


def _image_first(key: Hashable) -> bool:
    # masks and slice labels are compared with the image
    return key != names.IMAGE


def _image_of(case: Mapping[Hashable, Any]) -> Tensor:
    image = case.get(names.IMAGE)
    if not isinstance(image, np.ndarray | Tensor):
        raise ValueError(f"Expected the image to be loaded with its label but `image` is {image!r}: load both at once.")
    return torch.as_tensor(image)


def _require_finite(volume: MetaTensor) -> None:
    # NaN wins minimum and maximum; ten times faster than a look at each voxel, and NumPy's in any order of memory
    voxels = volume.numpy()
    if not np.isfinite([voxels.min(), voxels.max()]).all():
        wrong = int((~torch.isfinite(volume.as_tensor())).sum())
        raise ValueError(
            f"{volume.meta['filename_or_obj']}: expected finite intensities but got {wrong} voxels that "
            "are NaN or infinite: replace them, for example by the background's value."
        )


def _whole_numbers(mask: MetaTensor) -> MetaTensor:
    file, voxels = mask.meta["filename_or_obj"], mask.as_tensor()
    if len(voxels) != 1:
        raise ValueError(
            f"{file}: expected a mask of one channel but got {len(voxels)}: merge them into class numbers."
        )
    lowest, highest = float(voxels.numpy().min()), float(voxels.numpy().max())
    compact = voxels.to(torch.uint8 if highest <= torch.iinfo(torch.uint8).max else torch.int32)
    # NaN is no whole number either
    if lowest < 0 or not np.isfinite(highest) or not bool((compact == voxels).all()):
        wrong = voxels[(voxels != voxels.round()) | (voxels < 0) | voxels.isinf()][0].item()
        raise ValueError(
            f"{file}: expected a mask of whole numbers from 0 on but got {wrong}: threshold it, or resample it with "
            "nearest neighbours."
        )
    return MetaTensor(compact, meta=mask.meta)


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
            LoadCased(num_classes=num_classes),
            Orientationd(keys=turned, axcodes="PLS", labels=_RAS_LABELS, allow_missing_keys=True),
        ]
    )
