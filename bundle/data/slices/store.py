"""Slice store: slices on disk, addressed one by one without loading a volume."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bundle.data.slices.fingerprint import fingerprint, source_key
from bundle.data.slices.ingestion import Ingestion, unwritable
from bundle.data.slices.slice_dtype import SliceDtype
from bundle.data.slices.stored_case import IMAGE_FILE, MASK_FILE, StoredCase, map_array
from bundle.files import remove_stale_parts
from bundle.keys import CASE


class _CaseArrays(NamedTuple):
    """The mapped files of one case: images (D,C,H,W) and packed masks (D, ceil(H*W/8))."""

    image: NDArray[Any]
    mask: NDArray[np.uint8]


class CaseReader:
    """Maps the arrays of a case at the first use and keeps the maps of the last `max_open` cases.

    Each map costs a file descriptor, of which a process often has 1,024; data sets are three, files two a case.
    Maps stay with their process: a copy for a worker starts with none.

    Args:
        max_open: cases whose maps are kept.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(Path(folder) / "image.npy", np.ones((2, 1, 4, 4), np.float16))
        ...     np.save(Path(folder) / "mask.npy", np.zeros((2, 2), np.uint8))
        ...     CaseReader().open(Path(folder), np.dtype("float16"), (2, 1, 4, 4)).image[1].sum()
        np.float16(16.0)
    """

    def __init__(self, max_open: int = 64) -> None:
        self.max_open = max_open
        self._open: OrderedDict[Path, _CaseArrays] = OrderedDict()

    def open(self, folder: Path, dtype: np.dtype[Any], image_shape: tuple[int, int, int, int]) -> _CaseArrays:
        """Return the mapped arrays of the case in `folder`.

        Args:
            folder: of the case.
            dtype: of the images.
            image_shape: (D,C,H,W).

        Raises:
            OSError: the store was removed or damaged while in use.
        """
        if folder in self._open:
            self._open.move_to_end(folder)
            return self._open[folder]
        depth, _, height, width = image_shape
        try:
            image = map_array(folder / IMAGE_FILE, dtype, image_shape)
            mask = map_array(folder / MASK_FILE, np.dtype(np.uint8), (depth, -(-height * width // 8)))
        except (OSError, ValueError) as error:
            raise OSError(
                f"{folder} must hold the slices of a case, got {error}: the store was changed while in use; start "
                "again, then what is missing is ingested anew."
            ) from error
        self._open[folder] = _CaseArrays(image, mask)
        if len(self._open) > self.max_open:
            self._open.popitem(last=False)
        return self._open[folder]

    def __getstate__(self) -> dict[str, Any]:
        return {"max_open": self.max_open, "_open": OrderedDict()}


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
        for start, stop in _runs(indices=indices, cases=self.case_of_slice[indices]):
            case = int(self.case_of_slice[indices[start]])
            depth, offset = int(self.first[case + 1] - self.first[case]), int(indices[start] - self.first[case])
            shape = (depth, channels, height, width)
            arrays = self._reader.open(self.folder / self._folders[case], target.dtype, shape)
            target[start:stop] = arrays.image[offset : offset + stop - start]
            packed[start:stop] = arrays.mask[offset : offset + stop - start]
        bits = np.unpackbits(packed, axis=1, count=height * width)
        return image, torch.from_numpy(bits).view(len(indices), 1, height, width)


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
