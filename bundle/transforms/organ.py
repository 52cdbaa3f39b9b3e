"""Restriction of a case to an organ: hide what lies outside it, or crop to it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import CropForeground, InvertibleTransform, MapTransform
from torch import Tensor

from bundle import keys as names


def organ_region(case: Mapping[Hashable, Any]) -> Tensor:
    """Voxels of the organ from the case's `organ` mask, or else from its `label` mask (organ and lesion: 1 and more).

    Args:
        case: case dict with loaded masks (1,H,W,D).

    Returns:
        (1,H,W,D) bool.

    Raises:
        ValueError: when the case has neither, or the mask is empty.

    Example:
        >>> organ_region({"label": torch.tensor([[[[0, 1, 2]]]])}).tolist()
        [[[[False, True, True]]]]
    """
    mask = case.get(names.ORGAN, case.get(names.LABEL))
    image = getattr(case.get(names.IMAGE), "meta", {}).get("filename_or_obj", case.get(names.CASE, "case"))
    if not isinstance(mask, Tensor):
        raise ValueError(
            f"{image}: the case must have a mask of the organ, got neither 'organ' nor a mask as 'label': add the path "
            "of an organ mask as 'organ', or use a preprocessing without organ transforms."
        )
    region = torch.as_tensor(mask.as_tensor() if hasattr(mask, "as_tensor") else mask) >= 1
    if not bool(region.any()):
        file = getattr(mask, "meta", {}).get("filename_or_obj", image)
        raise ValueError(f"{file} must mark the organ (1 or more), got an empty mask: leave the case out.")
    return region


class OrganMaskd(MapTransform):
    """Set the intensities outside the organ to a constant.

    The organ is the case's `organ` mask, or else its `label` (1 and more), so this stands before a transform that
    reduces the label to the lesion. In inference the case needs `organ`. Slices are normalized afterwards, so that the
    organ has the whole range.

    Args:
        keys: (C,H,W,D) volumes on the grid of the mask.
        fill: intensity outside; None: the minimum of each channel over the volume.

    Source: an option of the lesion task in the authors' code, which normalizes before it masks; intensities differ, see
    docs/explanation/deviations.md.

    Example:
        >>> case = {"image": torch.tensor([[[[3.0, 5.0, 7.0]]]]), "label": torch.tensor([[[[0, 1, 0]]]])}
        >>> OrganMaskd()(case)["image"].tolist()
        [[[[3.0, 5.0, 3.0]]]]
    """

    def __init__(self, keys: KeysCollection = names.IMAGE, fill: float | None = None) -> None:
        super().__init__(keys)
        self.fill = fill

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Mask the volumes of one case."""
        case = dict(data)
        region = organ_region(case)
        for key in self.key_iterator(case):
            image = case[key]
            lowest = image.amin(dim=(1, 2, 3), keepdim=True)
            outside = lowest if self.fill is None else torch.full_like(lowest, self.fill)
            case[key] = torch.where(region, image, outside)
        return case


class OrganCropd(MapTransform, InvertibleTransform):
    """Keep the slices from the organ's first to its last, or the square around it, or both.

    The square is one for the whole volume: the organ's bounding box in rows and columns, grown to a square around its
    center. Where it leaves the volume, images are padded with their minimum and masks with 0. `Invertd` brings maps
    back to the whole grid, with 0 outside. The organ is taken as in `OrganMaskd`.

    Args:
        slices_only: keep the organ's slices (with gaps between them, if the organ has any).
        square: crop rows and columns to the square.
        margin_px: pixels around the organ's bounding box in rows and columns.
        keys: volumes of the case.
        allow_missing_keys: accept cases without some of the keys.

    Raises:
        ValueError: for a negative margin, or when there is nothing to do.

    Source: two options of the lesion task in the authors' code, which normalizes before it crops and whose square lacks
    the box's last row and column; see docs/explanation/deviations.md.

    Example:
        >>> import torch
        >>> label = torch.zeros(1, 8, 8, 5)
        >>> label[:, 2:5, 3:5, 1:3] = 1
        >>> OrganCropd()({"image": torch.rand(3, 8, 8, 5), "label": label})["image"].shape
        torch.Size([3, 3, 3, 2])
    """

    def __init__(
        self,
        slices_only: bool = True,
        square: bool = True,
        margin_px: int = 0,
        keys: KeysCollection = (names.IMAGE, names.LABEL, names.ORGAN, names.SLICE_LABELS),
        allow_missing_keys: bool = True,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if margin_px < 0:
            raise ValueError(f"margin_px must be at least 0, got {margin_px}: 0 crops to the organ itself.")
        if not (slices_only or square):
            raise ValueError("slices_only or square must be true, got false for both: leave the crop out.")
        self.slices_only = slices_only
        self.square = square
        self.margin_px = margin_px
        self._cropper = CropForeground(allow_smaller=True)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Crop every volume of one case."""
        case = dict(data)
        start, end = self._box(organ_region(case))
        for key in self.key_iterator(case):
            volume = case[key]
            outside = float(volume.min()) if key == names.IMAGE else 0.0
            # slice labels are one voxel wide: only their slices can be cropped
            flat = np.array([key == names.SLICE_LABELS] * 2 + [False])
            first, last = np.where(flat, 0, start), np.where(flat, 1, end)
            case[key] = self._cropper.crop_pad(volume, first, last, mode="constant", value=outside)
        return case

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring volumes back to the grid before the crop."""
        case = dict(data)
        for key in self.key_iterator(case):
            case[key] = self._cropper.inverse(case[key])
        return case

    def _box(self, region: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """First voxel and one past the last one, per axis; may leave the volume."""
        found = region[0].nonzero()
        start, end = found.amin(dim=0).numpy(), found.amax(dim=0).numpy() + 1
        side = int((end - start)[:2].max()) + 2 * self.margin_px
        corner = (start + end - side) // 2
        whole = np.array(region.shape[1:])
        chosen = np.array([self.square, self.square, self.slices_only])
        low = np.where([True, True, False], corner, start)
        high = np.where([True, True, False], corner + side, end)
        return np.where(chosen, low, 0), np.where(chosen, high, whole)
