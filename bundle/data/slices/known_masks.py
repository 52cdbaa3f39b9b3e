"""Masks that supervise: those of readers, and those that a teacher or the network itself drew."""

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
    pixel; the other slices of such a case have an empty mask. Where the masks are redrawn they start empty, and loading
    processes share them.

    Args:
        own: (cases,) whose own masks supervise.
        labels: (n,) classes of all slices, -1 where unknown.
        case_of_slice: (n,) number of every slice's case.
        images: positions of slices -> what the network sees, (B, C, S, S) float32, not augmented.
        teacher: images -> masks (B, 1, S, S) of 0 and 1; None draws none.
        self_training: whether `redraw` will be called; not with a teacher, without a first mask, or with none to draw.

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
    self_training: bool = False

    @property
    def is_redrawn(self) -> bool:
        """True where `redraw` is to be called: some case has a mask, and some positive slice of another has none."""
        may_draw = self.self_training and self.teacher is None and bool(self.own.any())
        return may_draw and len(self._positions) > 0

    @property
    def cases(self) -> NDArray[np.bool_]:
        """(cases,) with masks from the start, their own or a teacher's."""
        return self.own if self.teacher is None else self.own | self._taught

    @cached_property
    def supervising(self) -> NDArray[np.bool_]:
        """(cases,) whose slices with a mask supervise, also one that is drawn later."""
        return self.own | self._taught if self.is_redrawn else self.cases

    def put_into(self, mask: Tensor, positions: NDArray[np.int64]) -> Tensor:
        """Return masks (B, 1, S, S) uint8 of slices with the drawn ones in place of what is stored."""
        if self.teacher is None and not self.is_redrawn:
            return mask
        row, bits = self._row, self.bits.numpy()
        chosen = np.flatnonzero(row[positions] >= 0)
        if len(chosen):
            pixels = np.unpackbits(bits[row[positions[chosen]]], axis=1, count=mask[0].numel())
            mask[torch.from_numpy(chosen)] = torch.from_numpy(pixels).view(len(chosen), *mask.shape[1:])
        return mask

    @property
    def counts(self) -> dict[str, int]:
        """Cases and positive slices that are drawn, and slices in which something was found."""
        if self.teacher is None and not self.is_redrawn:
            return {"cases": 0, "positive": 0, "found": 0}
        found = int(self.bits.any(dim=1).sum())
        return {"cases": int(self._taught.sum()), "positive": len(self.bits), "found": found}

    def draw(self) -> None:
        """Let the teacher draw now, before loading processes start, each of which would do it again."""
        if self.teacher is not None or self.is_redrawn:
            _ = self.bits

    def redraw(self, teacher: Callable[[Tensor], Tensor]) -> None:
        """Draw all masks anew.

        Args:
            teacher: images -> masks (B, 1, S, S) of 0 and 1.
        """
        self._fill(self.bits, teacher)

    @cached_property
    def _taught(self) -> NDArray[np.bool_]:
        labeled = np.zeros(len(self.own), dtype=bool)
        labeled[self.case_of_slice[self.labels != IGNORED_LABEL]] = True
        return labeled & ~self.own

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        return np.flatnonzero(self._taught[self.case_of_slice] & (self.labels > 0))

    @cached_property
    def _row(self) -> NDArray[np.int64]:
        """(n,) place of every slice among the drawn masks, -1 without one."""
        row = np.full(len(self.labels), -1)
        row[self._positions] = np.arange(len(self._positions))
        return row

    @cached_property
    def bits(self) -> Tensor:
        """(m, ceil(S*S/8)) uint8, bits of the drawn masks."""
        pixels = self.images(self._positions[:1])[0, 0].numel() if len(self._positions) else 0
        bits = torch.zeros(len(self._positions), -(-pixels // 8), dtype=torch.uint8)
        if self.is_redrawn:
            bits.share_memory_()
        if self.teacher is not None:
            self._fill(bits, self.teacher)
        return bits

    def _fill(self, bits: Tensor, teacher: Callable[[Tensor], Tensor]) -> None:
        for start in range(0, len(self._positions), _BATCH):
            drawn = teacher(self.images(self._positions[start : start + _BATCH])).flatten(1).cpu().numpy() > 0
            bits[start : start + _BATCH] = torch.from_numpy(np.packbits(drawn, axis=1))
