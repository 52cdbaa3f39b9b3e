"""Augmentation of whole batches: what differs between scanners, protocols and patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bundle.data.slices.augmentation import SliceRequest

_PER_SLICE, _PER_CHANNEL = 18, 4
"""Random numbers in [0, 1) that a slice, and each of its channels, always draws: a share of 0 changes no other draw."""


@dataclass(frozen=True)
class ScannerAugmentation:
    """Changes slices as another scanner, protocol or patient would, image and mask together.

    A slice looks the same in an epoch whatever batch, worker, process or resumed run makes it, up to rounding: its
    random numbers are a function of (seed, epoch, slice). Whole batches are changed at once: five of MONAI's random
    transforms, slice by slice, take ten times as long (`scripts/benchmark.py recipe`). Blank slices stay blank;
    intensities are changed within the range of each slice and channel. What comes in from outside has the lowest
    intensity of its slice and channel.

    Args:
        flip: share of the slices that are mirrored left to right.
        affine: share that is rotated, scaled along both axes and moved.
        rotate_degrees: largest angle either way.
        scale: largest change of the length of an axis, as a share.
        translate: largest shift along an axis, as a share of the side.
        contrast: share of the channels whose gamma, contrast and brightness change, each channel on its own.
        gamma: largest power, and 1 / the smallest.
        gain: largest change of the contrast, as a share.
        offset: largest change of the brightness, as a share of the range.
        bias_field: share of the slices that get a smooth field of brightness.
        blur: share that is blurred by a standard deviation of up to 1/64 of the side.
        low_resolution: share that is sampled down, to half the pixels a side at most, and up again.
        noise: share that gets Gaussian noise, up to a standard deviation of a tenth of the range.
        drop_channel: share that loses one of several channels: all of it becomes its lowest intensity.

    Raises:
        ValueError: a number out of range.

    Source: the transforms of BigAug (Zhang et al., 2019) and nnU-Net.

    Example:
        >>> change = ScannerAugmentation(drop_channel=0)
        >>> image, mask = torch.rand(2, 3, 16, 16), torch.ones(2, 1, 16, 16, dtype=torch.uint8)
        >>> requests = [SliceRequest(0), SliceRequest(7)]
        >>> one, same = change(image, mask, requests)[0], change(image, mask, requests)[0]
        >>> torch.equal(one, same), torch.equal(one, image)
        (True, False)
    """

    flip: float = 0.5
    affine: float = 0.7
    rotate_degrees: float = 20.0
    scale: float = 0.2
    translate: float = 0.1
    contrast: float = 0.5
    gamma: float = 1.6
    gain: float = 0.25
    offset: float = 0.15
    bias_field: float = 0.2
    blur: float = 0.2
    low_resolution: float = 0.2
    noise: float = 0.2
    drop_channel: float = 0.05

    def __post_init__(self) -> None:
        limits = {"rotate_degrees": (0.0, 180.0), "gamma": (1.0, 10.0)}
        for entry in fields(self):
            low, high = limits.get(entry.name, (0.0, 1.0))
            if not low <= getattr(self, entry.name) <= high:
                raise ValueError(
                    f"{entry.name} of ScannerAugmentation must be from {low:g} to {high:g}, got "
                    f"{getattr(self, entry.name)!r}: correct it."
                )

    def __call__(
        self, image: Tensor, mask: Tensor, requests: Sequence[SliceRequest], seed: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Return image (B,C,H,W) float32 and mask (B,1,H,W) uint8 as they look in the epochs of the requests."""
        draws = [np.random.default_rng((seed, request.epoch, request.index)) for request in requests]
        channels = image.shape[1]
        u = np.stack([draw.random(_PER_SLICE + _PER_CHANNEL * channels, dtype=np.float32) for draw in draws])
        per_slice = torch.from_numpy(u[:, :_PER_SLICE]).T  # (18, B)
        per_channel = torch.from_numpy(u[:, _PER_SLICE:]).reshape(len(u), channels, _PER_CHANNEL)
        image, mask = self._move(image.float(), mask, per_slice[:7])
        low, span = _range_of(image)
        unit = (image - low) / span.clamp(min=1e-6)
        unit = self._bias(unit, per_slice[7], per_slice[8:12])
        unit = self._soften(unit, per_slice[12:16])
        unit = self._intensities(unit, per_channel)
        unit = self._noisy(unit, per_slice[16], draws)
        unit = self._without_channel(unit, per_slice[17])
        return torch.where(span > 0, low + unit * span, image), mask

    def _move(self, image: Tensor, mask: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        moved, flipped = u[0] < self.affine, u[1] < self.flip
        chosen = (moved | flipped).nonzero()[:, 0]
        if not len(chosen):
            return image, mask
        either_way = (2 * u[2:, chosen] - 1) * moved[chosen]
        grid = F.affine_grid(self._matrices(either_way, flipped[chosen]), [len(chosen), 1, *image.shape[-2:]], False)
        image, mask = image.clone(), mask.clone()
        low = image[chosen].amin(dim=(-2, -1), keepdim=True)
        image[chosen] = F.grid_sample(image[chosen] - low, grid, mode="bilinear", align_corners=False) + low
        nearest = F.grid_sample(mask[chosen].float(), grid, mode="nearest", align_corners=False)
        mask[chosen] = nearest.to(mask.dtype)
        return image, mask

    def _matrices(self, u: Tensor, flipped: Tensor) -> Tensor:
        """Return (B, 2, 3) from five numbers in (-1, 1) a slice: angle, scale of both axes, shift along both."""
        angle, rows, columns = (
            u[0] * np.pi * self.rotate_degrees / 180,
            (1 + self.scale) ** u[1],
            (1 + self.scale) ** u[2],
        )
        cos, sin, mirror = angle.cos(), angle.sin(), 1 - 2 * flipped.float()
        first = torch.stack([mirror * cos * columns, -sin * rows, 2 * self.translate * u[3]], dim=-1)
        second = torch.stack([mirror * sin * columns, cos * rows, 2 * self.translate * u[4]], dim=-1)
        return torch.stack([first, second], dim=1)

    def _bias(self, unit: Tensor, u: Tensor, coefficients: Tensor) -> Tensor:
        weight = (0.6 * coefficients - 0.3) * (u < self.bias_field)  # (4, B)
        height, width = unit.shape[-2:]
        y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        terms = torch.stack([x, y, x * y, x * x + y * y - 1])
        return unit * torch.einsum("kb,khw->bhw", weight, terms).exp()[:, None]

    def _soften(self, unit: Tensor, u: Tensor) -> Tensor:
        """Blur some slices, sample others down and up again."""
        unit, side = unit.clone(), max(unit.shape[-2:])
        for row in (u[0] < self.blur).nonzero()[:, 0].tolist():
            unit[row] = _blurred(unit[row], sigma=(1 + float(u[1, row])) * side / 128)
        for row in (u[2] < self.low_resolution).nonzero()[:, 0].tolist():
            size = [max(1, round(length * (0.5 + 0.5 * float(u[3, row])))) for length in unit.shape[-2:]]
            small = F.interpolate(unit[row, None], size=size, mode="area")
            unit[row] = F.interpolate(small, size=unit.shape[-2:], mode="bilinear")[0]
        return unit

    def _intensities(self, unit: Tensor, u: Tensor) -> Tensor:
        chosen = (u[..., 0] < self.contrast).float()
        power, gain, offset = ((2 * u[..., 1:] - 1) * chosen[..., None])[..., None, None].unbind(2)
        # a shift would show where the body ends: what was empty stays empty
        seen = (unit > 0).float()
        changed = unit.clamp(min=0).pow(self.gamma**power) * (1 + self.gain * gain) + self.offset * offset * seen
        return changed.clamp(min=0)

    def _noisy(self, unit: Tensor, u: Tensor, draws: Sequence[np.random.Generator]) -> Tensor:
        for row in (u < self.noise).nonzero()[:, 0].tolist():
            field = torch.from_numpy(draws[row].standard_normal(unit.shape[1:], dtype=np.float32))
            unit[row] += field * (0.1 * float(u[row]) / self.noise)
        return unit

    def _without_channel(self, unit: Tensor, u: Tensor) -> Tensor:
        channels = unit.shape[1]
        if channels > 1 and self.drop_channel:
            for row in (u < self.drop_channel).nonzero()[:, 0].tolist():
                unit[row, int(u[row] / self.drop_channel * channels)] = 0
        return unit


def _range_of(image: Tensor) -> tuple[Tensor, Tensor]:
    low, high = image.amin(dim=(-2, -1), keepdim=True), image.amax(dim=(-2, -1), keepdim=True)
    return low, high - low


def _blurred(image: Tensor, *, sigma: float) -> Tensor:
    """Return (C,H,W), blurred by a Gaussian of `sigma` pixels."""
    radius = max(1, round(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=image.dtype)
    weights = torch.softmax(-0.5 * (offsets / sigma) ** 2, dim=0)
    padded = F.pad(image[:, None], (radius, radius, radius, radius), mode="replicate")
    return F.conv2d(F.conv2d(padded, weights.reshape(1, 1, -1, 1)), weights.reshape(1, 1, 1, -1))[:, 0]
