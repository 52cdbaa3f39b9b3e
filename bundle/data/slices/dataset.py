"""Data set of the slices of a list of cases: single slices or whole batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from bundle.data.cases.case import with_identities
from bundle.data.slices.augmentation import SliceAugmentation, SliceRequest
from bundle.data.slices.input_profile import input_profile, nifti_geometry, stored_facts
from bundle.data.slices.known_masks import KnownMasks
from bundle.data.slices.scanner_augmentation import ScannerAugmentation
from bundle.data.slices.store import SliceStore
from bundle.data.slices.supervision import supervised_cases as choose_supervised
from bundle.keys import CASE, CASE_INDEX, IGNORED_LABEL, IMAGE, LABEL, MASK, PATIENT, SITE, SLICE_INDEX, SUPERVISED
from bundle.metrics import relative_position
from bundle.transforms import NeighborSlices, stacked


class SliceDataset(Dataset[dict[str, Any]]):
    """Slices of all cases, case by case in the order of `data`; read from a slice store, which is filled first.

    `dataset[7]` is a slice dictionary with a float32 image. `dataset.__getitems__([...])` is a whole batch: "image"
    (B,C,H,W) in the store's type (float32 where augmented), "label" (B,1) float32 or (B,) int64 for several classes,
    "mask" (B,1,H,W) uint8, "supervised" (B,) float32, "slice_index" and "case_index" (B,) int64, "case" a list. It is
    built at once, so a loader must not collate it again: use `SliceDataLoader`. A uint8 image holds k for k / 255.

    Args:
        data: case dictionaries.
        transform: item -> list of slice dictionaries, as `SliceVolumed`; runs once per case, so deterministic.
        cache_dir: folder of slice stores, see `SliceStore`.
        dtype: `"float16"`, `"float32"` or `"uint8"`.
        supervised_cases: `"all"`, a fraction, a count, or case ids, see `supervised_cases`.
        augmentation: `ScannerAugmentation`, or random dictionary transforms of a slice, see `SliceAugmentation`.
        seed: of augmentation and of the choice of supervised cases.
        num_workers: ingesting processes; 0 works in this one.
        check: item -> (row, problems) as `check_case`; cases with errors are refused.
        supervised_only: training draws the slices of supervised cases alone, as a network must that learns from masks
            and not from labels; `drawn` marks them.
        neighbor_mm: distance of the slices before and after, which images then hold as further channels, see
            `bundle.transforms.NeighborSlices`; None gives slices alone.
        teacher: draws masks for labeled cases that do not supervise, see `KnownMasks`.
        self_training: epoch from which on the network draws them, see `bundle.handlers.SelfTraining`; None or 0 never.

    Raises:
        ValueError: cases that cannot be ingested (`DataProblems`), or arguments out of range.
        OSError: `cache_dir` cannot be written.

    Example:
        >>> dataset = SliceDataset([], transform=sorted, cache_dir="not/made")
        >>> len(dataset), dataset.cases
        (0, [])
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]],
        cache_dir: str | Path,
        dtype: str = "float16",
        supervised_cases: str | float | Sequence[str] = "all",
        augmentation: ScannerAugmentation | Callable[[Any], Any] | Sequence[Callable[[Any], Any]] | None = None,
        seed: int = 0,
        num_workers: int = 0,
        check: Callable[[Mapping[str, Any]], Any] | None = None,
        supervised_only: bool = False,
        neighbor_mm: float | None = None,
        teacher: Callable[[Tensor], Tensor] | None = None,
        self_training: int | None = None,
    ) -> None:
        self.items: list[dict[str, Any]] = with_identities(data)
        self.cases: list[str] = [str(item[CASE]) for item in self.items]
        self.store = SliceStore(self.items, transform, cache_dir, dtype, num_workers, check)
        own = choose_supervised(supervised_cases, self.cases, self.store.supervised, seed)
        self.masks = KnownMasks(own, self.labels, self.case_of_slice, self._images, teacher, bool(self_training))
        self.supervised = self.masks.cases
        self.neighbor_mm = neighbor_mm
        self.neighbors = NeighborSlices(neighbor_mm)
        self._step = np.array([self._step_of(case) for case in range(len(self.cases))], dtype=np.int64)
        self.augmentation = _augmentation_of_batches(augmentation, seed) if augmentation else None
        self.supervised_only = supervised_only

    def __len__(self) -> int:
        return len(self.store.labels)

    @property
    def labels(self) -> NDArray[np.int16]:
        """(n,) class of every slice, -1 where unknown."""
        return self.store.labels

    @property
    def case_of_slice(self) -> NDArray[np.int32]:
        """(n,) position in `items` of every slice's case; never decreases."""
        return self.store.case_of_slice

    @property
    def drawn(self) -> NDArray[np.bool_] | None:
        """(n,) slices that a training draws, None for all."""
        return self.masks.supervising[self.case_of_slice] if self.supervised_only else None

    @property
    def slice_index(self) -> NDArray[np.int32]:
        """(n,) position of every slice in its volume."""
        return self.store.slice_index

    @property
    def relative_position(self) -> NDArray[np.float64]:
        """(n,) 0 for the first and 1 for the last slice of each volume, 0.5 for a lone one."""
        return relative_position(self.case_of_slice, self.slice_index)

    @property
    def positive_share(self) -> float:
        """Positive slices among those with a label; NaN if none has one."""
        known = self.labels[self.labels != IGNORED_LABEL]
        return float((known > 0).mean()) if len(known) else float("nan")

    def input_profile(self) -> dict[str, Any] | None:
        """Return what is usual in these scans, see `bundle.data.input_profile`; None where no scan is a NIfTI file."""
        facts = list(stored_facts(self.store, map(nifti_geometry, self.items)))
        return input_profile(facts) if facts else None

    def __getitem__(self, index: int | SliceRequest) -> dict[str, Any]:
        """Return one slice as a dictionary."""
        batch = self.__getitems__([index])
        case = int(batch[CASE_INDEX][0])
        slice_ = {key: value[0] for key, value in batch.items()}
        named = {key: self.items[case][key] for key in (CASE, PATIENT, SITE)}
        number = int(slice_[SLICE_INDEX])
        image = slice_[IMAGE].float() if self.augmentation else self.store.dtype.decode(slice_[IMAGE])
        return {**slice_, **named, IMAGE: image, SLICE_INDEX: number, CASE_INDEX: case}

    def __getitems__(self, indices: Sequence[int | SliceRequest]) -> dict[str, Any]:
        """Return slices as one batch, in the order asked for."""
        asked = [SliceRequest.of(index, len(self)) for index in indices]
        positions = np.array([index.index for index in asked], dtype=np.int64)
        cases = self.case_of_slice[positions]
        image, mask = self.read(positions)
        image, mask = self._augmented(image, self.masks.put_into(mask, positions), asked)
        ignored = np.array([index.ignored for index in asked], dtype=bool)
        return {
            IMAGE: image,
            LABEL: self._labels_of(positions, ignored),
            MASK: mask,
            SUPERVISED: torch.from_numpy((self.masks.supervising[cases] & ~ignored).astype(np.float32)),
            SLICE_INDEX: torch.from_numpy(self.slice_index[positions].astype(np.int64)),
            CASE_INDEX: torch.from_numpy(cases.astype(np.int64)),
            CASE: [self.cases[case] for case in cases],
        }

    def read(self, positions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return images (B,C,H,W) in the store's type, with neighbors where there are any, and masks (B,1,H,W) uint8.

        Nothing is augmented.

        Args:
            positions: (B,) of slices in the data set.
        """
        if self.neighbors.count == 1:
            return self.store.read(positions)
        case = self.case_of_slice[positions]
        rows = self.neighbors.rows(positions, self.store.first[case], self.store.first[case + 1] - 1, self._step[case])
        in_order, place = np.unique(rows, return_inverse=True)  # neighbors lie together on disk
        image, mask = self.store.read(in_order)
        place = place.reshape(rows.shape)
        return stacked(image, place), mask[torch.from_numpy(place[0])]

    def _images(self, positions: NDArray[np.int64]) -> Tensor:
        return self.store.dtype.decode(self.read(positions)[0])

    def _step_of(self, case: int) -> int:
        try:
            return self.neighbors.step(self.store.slice_spacing_mm[case])
        except ValueError as error:
            remedy = f"If an earlier version made the store, remove {self.store.folder}."
            raise ValueError(f"{self.cases[case]}: {error} {remedy}") from error

    def _labels_of(self, positions: NDArray[np.int64], ignored: NDArray[np.bool_]) -> Tensor:
        labels = torch.from_numpy(np.where(ignored, IGNORED_LABEL, self.labels[positions]).astype(np.int64))
        return labels if self.store.multiclass else labels.float().unsqueeze(1)

    def _augmented(self, image: Tensor, mask: Tensor, asked: Sequence[SliceRequest]) -> tuple[Tensor, Tensor]:
        if self.augmentation is None:
            return image, mask
        return self.augmentation(self.store.dtype.decode(image), mask, asked)


def _augmentation_of_batches(
    augmentation: ScannerAugmentation | Callable[[Any], Any] | Sequence[Callable[[Any], Any]], seed: int
) -> Callable[[Tensor, Tensor, Sequence[SliceRequest]], tuple[Tensor, Tensor]]:
    if isinstance(augmentation, ScannerAugmentation):
        return partial(augmentation, seed=seed)
    return SliceAugmentation(augmentation, seed).of_batch
