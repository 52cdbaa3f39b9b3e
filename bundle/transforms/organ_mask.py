"""Hide everything outside the organ."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from bundle import keys as names
from bundle.transforms.organ_region import organ_region


class OrganMaskd(MapTransform):
    """Set the intensities outside the organ to a constant.

    The organ is the case's `organ` mask, or else its `label` (1 and more), so this stands before a transform that
    reduces the label to the lesion. In inference the case needs `organ`.

    Args:
        keys: (C,H,W,D) volumes on the grid of the mask.
        fill: intensity outside; None: the minimum of each channel over the volume.

    Source: lesion task of the authors' code.

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
