"""Slice store: slices on disk, addressed one by one without loading a volume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bundle.data.slices.case_reader import CaseArrays, CaseReader
from bundle.data.slices.fingerprint import fingerprint, source_key
from bundle.data.slices.ingestion import Ingestion, unwritable
from bundle.data.slices.slice_dtype import SliceDtype
from bundle.data.slices.stored_case import StoredCase
from bundle.files import remove_stale_parts
from bundle.keys import CASE


class SliceStore:
    """The slices of a list of cases; what is not on disk yet is ingested when the store opens.

    A case lies in `<cache_dir>/<fingerprint of the transform>-<dtype>/<case>-<state of its files>/`. A changed
    transform, file or type makes a new folder, so several data sets can share one store. Only the index is kept in
    memory, 10 bytes a slice.

    Args:
        items: completed case dictionaries.
        transform: item -> list of slice dictionaries, deterministic; described by `describe`.
        cache_dir: may be shared by data sets, machines and processes; only written if a case is missing.
        dtype: `"float16"` (within 5e-4), `"float32"`, or `"uint8"` (only for exact multiples of 1/255).
        num_workers: ingesting processes; 0 works in this one.
        check: see `Ingestion`.

    Raises:
        ValueError: unknown dtype, cases whose slices differ in shape, cases that cannot be ingested (`DataProblems`).
        OSError: `cache_dir` cannot be written.

    Example:
        >>> store = SliceStore([], transform=sorted, cache_dir="not/made")
        >>> len(store.labels), Path("not/made").exists()
        (0, False)
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        transform: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]],
        cache_dir: str | Path,
        dtype: str = "float16",
        num_workers: int = 0,
        check: Callable[..., Any] | None = None,
    ) -> None:
        self.dtype = SliceDtype.named(dtype)
        self.folder = Path(cache_dir).absolute() / f"{fingerprint(transform)}-{dtype}"
        self._folders = [source_key(item) for item in items]
        stored = [StoredCase.read(self.folder / name, self.dtype) for name in self._folders]
        missing = [index for index, case in enumerate(stored) if case is None]
        if missing:
            _prepare(store=self.folder)
            work = {self.folder / self._folders[index]: items[index] for index in missing}
            Ingestion(transform, self.dtype, check).run(work, num_workers)
            for index in missing:
                stored[index] = StoredCase.read(self.folder / self._folders[index], self.dtype)
        self._index([case for case in stored if case is not None], names=[str(item[CASE]) for item in items])
        self._reader = CaseReader()

    def _index(self, stored: list[StoredCase], *, names: list[str]) -> None:
        if len(stored) != len(names):
            raise OSError(
                f"{self.folder} must keep its cases while it is open, got fewer: does another process remove them?"
            )
        self.slice_shape, self.multiclass = _common_form(stored=stored, names=names)
        self.supervised: NDArray[np.bool_] = np.array([case.supervised for case in stored], dtype=bool)
        self.slice_spacing_mm: NDArray[np.float64] = np.array([case.slice_spacing_mm for case in stored], dtype=float)
        depths = np.array([len(case.labels) for case in stored], dtype=np.int64)
        self.first: NDArray[np.int64] = np.concatenate([[0], np.cumsum(depths)])
        self.case_of_slice: NDArray[np.int32] = np.repeat(np.arange(len(stored), dtype=np.int32), depths)
        self.labels: NDArray[np.int16] = np.concatenate([np.zeros(0, np.int16)] + [case.labels for case in stored])
        self.slice_index: NDArray[np.int32] = np.concatenate(
            [np.zeros(0, np.int32)] + [case.slice_index for case in stored]
        )

    def read(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return images (B,C,H,W) in the store's type and masks (B,1,H,W) uint8 of slices in any order.

        Args:
            indices: (B,) positions of slices among all slices of the store.
        """
        channels, height, width = self.slice_shape
        image = torch.empty((len(indices), channels, height, width), dtype=self.dtype.torch_dtype)
        packed = np.empty((len(indices), -(-height * width // 8)), dtype=np.uint8)
        target = image.numpy()
        for start, arrays, rows in self._stretches(indices):
            stop = start + rows.stop - rows.start
            target[start:stop], packed[start:stop] = arrays.image[rows], arrays.mask[rows]
        bits = np.unpackbits(packed, axis=1, count=height * width)
        return image, torch.from_numpy(bits).view(len(indices), 1, height, width)

    def marked(self, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return (B,) which slices have a pixel in their mask; images are not read.

        Args:
            indices: (B,) positions of slices among all slices of the store.
        """
        found = [arrays.mask[rows].any(axis=1) for _, arrays, rows in self._stretches(indices)]
        return np.concatenate([np.zeros(0, dtype=bool), *found])

    def _stretches(self, indices: NDArray[np.int64]) -> Iterator[tuple[int, CaseArrays, slice]]:
        """Yield start, arrays of the case and rows in them of what lies one after another on disk."""
        numbers = self.dtype.numpy_dtype
        for start, stop in _runs(indices=indices, cases=self.case_of_slice[indices]):
            case = int(self.case_of_slice[indices[start]])
            depth, offset = int(self.first[case + 1] - self.first[case]), int(indices[start] - self.first[case])
            arrays = self._reader.open(self.folder / self._folders[case], numbers, (depth, *self.slice_shape))
            yield start, arrays, slice(offset, offset + stop - start)


def _prepare(*, store: Path) -> None:
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(store, error) from error
    remove_stale_parts(store)


def _common_form(*, stored: list[StoredCase], names: list[str]) -> tuple[tuple[int, int, int], bool]:
    """(C,H,W) of every slice, and whether labels are class indices."""
    if not stored:
        return (0, 0, 0), False
    first = (stored[0].image_shape[1:], stored[0].multiclass)
    for name, case in zip(names, stored, strict=True):
        if (case.image_shape[1:], case.multiclass) != first:
            raise ValueError(
                f"slices must have one shape, got (C, H, W) = {first[0]} for case {names[0]!r} and "
                f"{case.image_shape[1:]} for {name!r}: set image_size in the slice_transform, and the same channels "
                "for all cases."
            )
    return first


def _runs(*, indices: NDArray[np.int64], cases: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Stretches of the batch that lie one after another on disk: each is copied at once."""
    breaks = np.flatnonzero((np.diff(indices) != 1) | (np.diff(cases) != 0)) + 1
    ends = [*breaks.tolist(), len(indices)]
    return list(zip([0, *ends[:-1]], ends, strict=True)) if len(indices) else []
