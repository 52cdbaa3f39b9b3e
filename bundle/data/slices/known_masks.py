"""Masks that supervise: those of readers, and those that a teacher drew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bundle.keys import IGNORED_LABEL

_BATCH = 32


@dataclass(frozen=True)
class KnownMasks:
    """Masks that supervise. A teacher draws those of positive slices in labeled cases whose own masks do not.

    It draws when a training asks, so that an evaluation needs no teacher. What it drew is kept in memory, one bit a
    pixel; the other slices of such a case have an empty mask.

    Args:
        own: (cases,) whose own masks supervise.
        labels: (n,) classes of all slices, -1 where unknown.
        case_of_slice: (n,) number of every slice's case.
        images: positions of slices -> what the network sees, (B, C, S, S) float32, not augmented.
        teacher: images -> masks (B, 1, S, S) of 0 and 1; None draws none.

    Example:
        >>> images = lambda positions: torch.rand(len(positions), 1, 4, 4)
        >>> masks = KnownMasks(np.array([False]), np.array([0, 1]), np.array([0, 0]), images, torch.ones_like)
        >>> masks.put_into(torch.zeros(2, 1, 4, 4).byte(), np.arange(2)).sum(dim=(1, 2, 3)).tolist()
        [0, 16]
    """

    own: NDArray[np.bool_]
    labels: NDArray[np.int16]
    case_of_slice: NDArray[np.int32]
    images: Callable[[NDArray[np.int64]], Tensor]
    teacher: Callable[[Tensor], Tensor] | None = None

    @property
    def cases(self) -> NDArray[np.bool_]:
        """(cases,) with masks that supervise, their own or a teacher's."""
        return self.own if self.teacher is None else self.own | self._taught

    def put_into(self, mask: Tensor, positions: NDArray[np.int64]) -> Tensor:
        """Return masks (B, 1, S, S) uint8 of slices with those of the teacher in place of what is stored."""
        if self.teacher is None:
            return mask
        row, bits = self._drawn
        chosen = np.flatnonzero(row[positions] >= 0)
        if len(chosen):
            pixels = np.unpackbits(bits[row[positions[chosen]]], axis=1, count=mask[0].numel())
            mask[torch.from_numpy(chosen)] = torch.from_numpy(pixels).view(len(chosen), *mask.shape[1:])
        return mask

    @property
    def counts(self) -> dict[str, int]:
        """Cases and positive slices that the teacher was shown, and slices in which it found something."""
        bits = self._drawn[1] if self.teacher else np.zeros((0, 1))
        cases = int(self._taught.sum()) if self.teacher else 0
        return {"cases": cases, "positive": len(bits), "found": int(bits.any(axis=1).sum())}

    @cached_property
    def _taught(self) -> NDArray[np.bool_]:
        labeled = np.zeros(len(self.own), dtype=bool)
        labeled[self.case_of_slice[self.labels != IGNORED_LABEL]] = True
        return labeled & ~self.own

    @cached_property
    def _drawn(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(n,) place of every slice among the drawn masks, -1 without one; (m, ceil(S*S/8)) their bits."""
        positions = np.flatnonzero(self._taught[self.case_of_slice] & (self.labels > 0))
        row = np.full(len(self.labels), -1)
        row[positions] = np.arange(len(positions))
        parts = [self._bits(positions[start : start + _BATCH]) for start in range(0, len(positions), _BATCH)]
        return row, np.concatenate(parts) if parts else np.zeros((0, 0), np.uint8)

    def _bits(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        assert self.teacher is not None
        return np.packbits(self.teacher(self.images(positions)).flatten(1).cpu().numpy() > 0, axis=1)

    def draw(self) -> None:
        """Let the teacher draw now, before loading processes start, each of which would do it again."""
        if self.teacher is not None:
            _ = self._drawn
