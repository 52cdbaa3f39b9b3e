"""Type of the intensities on disk, and the loss that it may cause."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

_FLOAT16_ERROR = 5e-4
"""Largest difference that float16 may make: half of its step just below 2, so enough for intensities in [-2, 2]."""
_UINT8_ERROR = 2.0**-23
"""Rounding of one division in float32; more would be a loss."""


class SliceDtype(NamedTuple):
    """A type of the store: `encode` turns float32 intensities into it or refuses; `decode` turns them back.

    Args:
        name: as in the config.
        torch_dtype: of the batches.
        error: largest difference between an intensity and what is kept.
        remedy: what to do where that does not hold.

    Raises:
        ValueError: an unknown name, in `named`.

    Example:
        >>> SliceDtype.named("uint8").encode(torch.tensor([0.0, 0.2, 1.0]))
        tensor([  0,  51, 255], dtype=torch.uint8)
    """

    name: str
    torch_dtype: torch.dtype
    error: float
    remedy: str

    @classmethod
    def named(cls, name: str) -> SliceDtype:
        """Return the type of that name."""
        if name not in _DTYPES:
            raise ValueError(f"dtype must be one of {sorted(_DTYPES)}, got {name!r}: choose one of them.")
        return _DTYPES[name]

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The type of the files."""
        return np.dtype(self.name)

    def encode(self, image: Tensor) -> Tensor:
        """Turn intensities of any shape into the type; for uint8 k stands for k / 255.

        Raises:
            ValueError: intensities that the type cannot hold closely enough, or that are not finite.
        """
        image = image.float()
        kept = (image * 255).round().clamp(0, 255).byte() if self.name == "uint8" else image.to(self.torch_dtype)
        # both extremes in one pass: half the time of the largest absolute value; NaN wins either way
        lost = float(torch.stack(torch.aminmax(self.decode(kept) - image)).abs().amax()) if image.numel() else 0.0
        if not lost <= self.error:  # NaN must not pass
            low, high = float(image.amin()), float(image.amax())
            raise ValueError(
                f"intensities must survive {self.name} within {self.error:.1e}, got a difference of {lost:.1e} (they "
                f"run from {low:.4g} to {high:.4g}): {self.remedy}"
            )
        return kept

    def decode(self, kept: Tensor) -> Tensor:
        """Turn kept intensities back into float32."""
        return kept.float() / 255 if self.torch_dtype == torch.uint8 else kept.float()


_DTYPES: dict[str, SliceDtype] = {
    "float16": SliceDtype(
        "float16", torch.float16, _FLOAT16_ERROR, 'use dtype "float32", or scale intensities to [0, 1].'
    ),
    "float32": SliceDtype("float32", torch.float32, 0.0, "replace NaN and infinite voxels."),
    "uint8": SliceDtype("uint8", torch.uint8, _UINT8_ERROR, 'use dtype "float16" or "float32".'),
}
