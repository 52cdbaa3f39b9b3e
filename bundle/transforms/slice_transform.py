"""From the slices of a volume to the network's input, and from the network's maps back to the slices."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


class SliceTransform:
    """Scale each slice, bring it to the network's size, and bring maps back; the store and the inferer share it.

    The result for a slice does not depend on the slices that share its batch.

    Args:
        image_size: side S of the network's square input, in pixels.
        normalize: `"slice"`: min-max to [0, 1] per slice and channel, constant slices become zeros (the paper's way);
            `"none"`: intensities as they come, for preprocessing that scales the whole volume.
        normalise: the same; keyword in records of version 0.1.

    Raises:
        ValueError: for an image size below 1 or an unknown `normalize`.

    Source: settings of the paper's experiments; bicubic as OpenCV does it (a = -0.75, no antialiasing, not clipped).

    Example:
        >>> slices = torch.arange(16.0).reshape(1, 1, 4, 4)
        >>> transform = SliceTransform(image_size=2)
        >>> transform.image(slices).shape
        torch.Size([1, 1, 2, 2])
        >>> transform.inverse(transform.image(slices), image_hw=(4, 4)).shape
        torch.Size([1, 1, 4, 4])
    """

    def __init__(self, image_size: int, normalize: str = "slice", *, normalise: str | None = None) -> None:
        normalize = normalise or normalize
        if image_size < 1:
            raise ValueError(
                f"Expected an image_size of at least 1 pixel but got {image_size}: give the side in pixels."
            )
        if normalize not in _NORMALISERS:
            raise ValueError(f"Expected `normalize` to be one of {sorted(_NORMALISERS)} but got {normalize!r}.")
        self.image_size = image_size
        self.normalise = normalize

    def image(self, slices: Tensor) -> Tensor:
        """(N,C,H,W) intensities -> (N,C,S,S) float32, normalised and then resized (bicubic, may leave [0, 1])."""
        scaled = _NORMALISERS[self.normalise](slices.float())
        return _resize(scaled, image_hw=self._hw, mode="bicubic", align_corners=False)

    def mask(self, masks: Tensor) -> Tensor:
        """(N,1,H,W) -> (N,1,S,S), nearest pixel, type kept."""
        if tuple(masks.shape[-2:]) == self._hw:
            return masks
        # interpolate knows uint8 and floats only; float32 holds every class index exactly
        exact = masks if masks.dtype == torch.uint8 else masks.float()
        return _resize(exact, image_hw=self._hw, mode="nearest-exact").to(masks.dtype)

    def inverse(self, maps: Tensor, image_hw: tuple[int, int]) -> Tensor:
        """(N,1,S,S) maps -> (N,1,H,W) on the grid of the slices, bilinear, `image_hw` in pixels."""
        return _resize(maps.float(), image_hw=image_hw, mode="bilinear", align_corners=False)

    @property
    def _hw(self) -> tuple[int, int]:
        return self.image_size, self.image_size


def _min_max(slices: Tensor) -> Tensor:
    low = slices.amin(dim=(-2, -1), keepdim=True)
    span = slices.amax(dim=(-2, -1), keepdim=True) - low
    # a constant slice has span 0 and must become zeros, not NaN
    return (slices - low).div_(torch.where(span > 0, span, torch.ones_like(span)))


def _unchanged(slices: Tensor) -> Tensor:
    return slices


def _resize(slices: Tensor, *, image_hw: tuple[int, int], mode: str, align_corners: bool | None = None) -> Tensor:
    if tuple(slices.shape[-2:]) == tuple(image_hw):
        return slices
    # one memory layout whatever the batch: another layout takes another kernel, which may round differently
    plain = slices.contiguous(memory_format=torch.contiguous_format)
    return F.interpolate(plain, size=tuple(image_hw), mode=mode, align_corners=align_corners)


_NORMALISERS: dict[str, Callable[[Tensor], Tensor]] = {"slice": _min_max, "none": _unchanged}
