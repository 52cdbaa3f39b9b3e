"""Where the organ lies in a case."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
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
            f"{image}: expected a mask of the organ but the case has neither 'organ' nor a mask as 'label': add the "
            "path of an organ mask as 'organ', or use a preprocessing without organ transforms."
        )
    region = torch.as_tensor(mask.as_tensor() if hasattr(mask, "as_tensor") else mask) >= 1
    if not bool(region.any()):
        file = getattr(mask, "meta", {}).get("filename_or_obj", image)
        raise ValueError(f"{file}: expected voxels of the organ (1 or more) but the mask is empty: leave the case out.")
    return region
