"""Gaussian blur of masks: the target of the localization loss."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.transforms import MapTransform
from torch import Tensor, nn

from bundle import keys as names


class SmoothMask(nn.Module):
    """Gaussian blur of masks, (B,1,H,W) -> (B,1,H,W), reflected at the border, values stay in [0, 1].

    It has no state and works on the device of the mask, without waiting for it.

    Args:
        kernel_size_px: odd side of the kernel; 51 at 256 x 256, see `scaled_kernel_size` for other sizes.
        sigma: standard deviation in px; default 0.15 * kernel_size_px + 0.35.

    Raises:
        ValueError: an even kernel, a sigma that is not positive, or a kernel too large for the mask to reflect.

    Source: the smoothed ground truth of Eq. 8.

    Example:
        >>> mask = torch.zeros(1, 1, 9, 9)
        >>> mask[..., 4, 4] = 1
        >>> smoothed = SmoothMask(kernel_size_px=3)(mask)
        >>> smoothed.sum().item() > 0.999, int((smoothed > 0).sum())
        (True, 9)
    """

    def __init__(self, kernel_size_px: int = 51, sigma: float | None = None) -> None:
        super().__init__()
        if kernel_size_px < 1 or kernel_size_px % 2 == 0:
            raise ValueError(f"kernel_size_px must be odd, got {kernel_size_px}: take the next odd number.")
        if sigma is not None and not sigma > 0:
            raise ValueError(f"sigma must be above 0 px, got {sigma}: leave it out for the default.")
        self.kernel_size_px = kernel_size_px
        self.sigma = 0.15 * kernel_size_px + 0.35 if sigma is None else sigma

    def forward(self, mask: Tensor) -> Tensor:
        """Blur (B,1,H,W) masks of any type to float32 (float64 stays)."""
        radius = self.kernel_size_px // 2
        if mask.ndim != 4 or mask.shape[1] != 1:
            raise ValueError(f"mask must have the shape (B,1,H,W), got {tuple(mask.shape)}: add the missing axes.")
        if radius >= min(mask.shape[-2:]):
            raise ValueError(
                f"mask must have more than {radius} px a side for a kernel of {self.kernel_size_px} px, because the "
                f"border is reflected, got {tuple(mask.shape[-2:])}: scale the kernel with the image size."
            )
        exact = mask if mask.dtype == torch.float64 else mask.float()
        weights = _gaussian(exact, kernel_size_px=self.kernel_size_px, sigma=self.sigma)
        padded = F.pad(exact, (radius, radius, radius, radius), mode="reflect")
        rows = F.conv2d(padded, weights.reshape(1, 1, -1, 1))
        # the weights sum to 1 up to rounding only
        return F.conv2d(rows, weights.reshape(1, 1, 1, -1)).clamp(0.0, 1.0)


class SmoothMaskd(MapTransform):
    """Add `smoothed_mask` (1,H,W) float32 beside the `mask` (1,H,W) of a slice dict.

    Args:
        keys: the entry that holds the mask.
        kernel_size_px: see `SmoothMask`.
        sigma: see `SmoothMask`.
        output_key: entry that receives the blurred mask.

    Example:
        >>> import torch
        >>> sorted(SmoothMaskd(kernel_size_px=3)({"mask": torch.ones(1, 8, 8)}))
        ['mask', 'smoothed_mask']
    """

    def __init__(
        self,
        keys: KeysCollection = names.MASK,
        kernel_size_px: int = 51,
        sigma: float | None = None,
        output_key: str = names.SMOOTHED_MASK,
    ) -> None:
        super().__init__(keys)
        self.output_key = output_key
        self.smooth = SmoothMask(kernel_size_px=kernel_size_px, sigma=sigma)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Blur the mask of one slice."""
        slice_ = dict(data)
        for key in self.key_iterator(slice_):
            slice_[self.output_key] = self.smooth(slice_[key].unsqueeze(0)).squeeze(0)
        return slice_


def scaled_kernel_size(image_size: int) -> int:
    """Scale the paper's kernel, 51 px at 256 x 256, to the nearest odd size, at least 3 px.

    Args:
        image_size: side of the slices in pixels.

    Example:
        >>> [scaled_kernel_size(size) for size in (64, 128, 256)]
        [13, 25, 51]
    """
    # the nearest odd number is twice the nearest whole number of (size - 1) / 2, plus 1
    return max(3, 2 * round((51 * image_size / 256 - 1) / 2) + 1)


def _gaussian(like: Tensor, *, kernel_size_px: int, sigma: float) -> Tensor:
    # made where the mask lies: a copy from the CPU would wait for the device
    offsets = torch.arange(kernel_size_px, device=like.device, dtype=like.dtype) - kernel_size_px // 2
    return torch.softmax(-0.5 * (offsets / sigma) ** 2, dim=0)
