"""Case of the slice store: a folder with its slices, written once and read in place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bundle.data.slices.fingerprint import STORE_FORMAT
from bundle.data.slices.slice_dtype import SliceDtype
from bundle.keys import IMAGE, LABEL, MASK, SLICE_INDEX, SLICE_SPACING, SUPERVISED

IMAGE_FILE, MASK_FILE, META_FILE = "image.npy", "mask.npy", "meta.json"


@dataclass(frozen=True)
class StoredCase:
    """Index of a stored case, known without opening its arrays.

    `image.npy` holds (D,C,H,W) in the store's type, `mask.npy` (D, ceil(H*W/8)) uint8 with one bit a pixel, `meta.json`
    the rest; it is written last.

    Args:
        image_shape: (D,C,H,W).
        labels: (D,) classes, -1 where unknown.
        slice_index: (D,) position in the volume.
        supervised: True if the case has a mask.
        multiclass: True if labels are class indices, False for 0 and 1.
        slice_spacing_mm: from slice to slice, NaN where it is not known.

    Example:
        >>> import tempfile
        >>> pixels = torch.ones(1, 2, 2)
        >>> slice_ = {"image": pixels, "label": torch.ones(1), "mask": pixels, "slice_index": 4}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     StoredCase.write(Path(folder), [slice_], SliceDtype.named("uint8"))
        ...     StoredCase.read(Path(folder), SliceDtype.named("uint8")).slice_index
        array([4], dtype=int32)
    """

    image_shape: tuple[int, int, int, int]
    labels: NDArray[np.int16]
    slice_index: NDArray[np.int32]
    supervised: bool
    multiclass: bool
    slice_spacing_mm: float

    @classmethod
    def write(cls, folder: Path, slices: Sequence[Mapping[str, Any]], dtype: SliceDtype) -> None:
        """Write the slices of a case into an empty folder.

        Args:
            folder: is filled; give a staging folder.
            slices: slice dictionaries as `SliceVolumed` makes them.
            dtype: of the images on disk.

        Raises:
            ValueError: no slices, slices of different shapes, or intensities that `dtype` cannot keep.
            OSError: the folder cannot be written.
        """
        _require_slices(slices=slices)
        image_shape = (len(slices), *slices[0][IMAGE].shape)
        masks = np.stack([np.asarray(entry[MASK]).reshape(-1) > 0 for entry in slices])
        _write_images(folder / IMAGE_FILE, slices, image_shape, dtype)
        np.save(folder / MASK_FILE, np.packbits(masks, axis=1))
        meta = {
            "format": STORE_FORMAT,
            "dtype": dtype.name,
            "image_shape": image_shape,
            "supervised": any(float(entry.get(SUPERVISED, 1)) > 0 for entry in slices),
            "multiclass": np.ndim(slices[0][LABEL]) == 0,
            SLICE_SPACING: _known(slices[0].get(SLICE_SPACING)),
            "labels": [int(entry[LABEL]) for entry in slices],
            "slice_index": [int(entry[SLICE_INDEX]) for entry in slices],
            "bytes": {name: (folder / name).stat().st_size for name in (IMAGE_FILE, MASK_FILE)},
        }
        (folder / META_FILE).write_text(json.dumps(meta), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, dtype: SliceDtype) -> StoredCase | None:
        """Return what `meta.json` says if all files fit it, else None: the case must be ingested (again).

        Args:
            folder: of a stored case; it need not exist.
            dtype: that the images must have.
        """
        try:
            meta = json.loads((folder / META_FILE).read_bytes())
            sizes = {name: (folder / name).stat().st_size for name in (IMAGE_FILE, MASK_FILE)}
            case = cls(
                image_shape=tuple(meta["image_shape"]),
                labels=np.asarray(meta["labels"], dtype=np.int16),
                slice_index=np.asarray(meta["slice_index"], dtype=np.int32),
                supervised=meta["supervised"],
                multiclass=meta["multiclass"],
                # not there in stores of earlier versions
                slice_spacing_mm=float("nan") if meta.get(SLICE_SPACING) is None else meta[SLICE_SPACING],
            )
            fits = meta["format"] == STORE_FORMAT and meta["dtype"] == dtype.name and meta["bytes"] == sizes
        except (OSError, ValueError, KeyError, TypeError):
            return None
        lengths = {case.image_shape[0], len(case.labels), len(case.slice_index)}
        return case if fits and len(case.image_shape) == 4 and len(lengths) == 1 else None


def map_array(file: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Map an array file into memory, read-only, in a quarter of the time that `np.load` needs.

    Args:
        file: written by `np.save`.
        dtype: of its numbers, as `meta.json` says.
        shape: of the array, as `meta.json` says.
    """
    offset = file.stat().st_size - int(np.prod(shape)) * dtype.itemsize
    return np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=shape)


def _known(spacing: float | None) -> float | None:
    """Return a number that JSON has."""
    return None if spacing is None or math.isnan(spacing) else float(spacing)


def _write_images(
    file: Path, slices: Sequence[Mapping[str, Any]], image_shape: tuple[int, ...], dtype: SliceDtype
) -> None:
    """Write what `np.save` would, slice by slice: no second copy of the case in memory."""
    numbers = np.lib.format.dtype_to_descr(dtype.numpy_dtype)
    with file.open("wb") as stream:
        header = {"descr": numbers, "fortran_order": False, "shape": image_shape}
        np.lib.format.write_array_header_1_0(stream, header)
        for entry in slices:
            stream.write(_encoded(entry=entry, dtype=dtype).contiguous().numpy().data)


def _encoded(*, entry: Mapping[str, Any], dtype: SliceDtype) -> torch.Tensor:
    try:
        return dtype.encode(torch.as_tensor(np.asarray(entry[IMAGE])))
    except ValueError as error:
        raise ValueError(f"slice {int(entry[SLICE_INDEX])}: {error}") from error


def _require_slices(*, slices: Sequence[Mapping[str, Any]]) -> None:
    if not slices:
        raise ValueError("the transform must make at least one slice, got none: leave the case out.")
    shapes = {(tuple(entry[IMAGE].shape), tuple(entry[MASK].shape)) for entry in slices}
    image, mask = next(iter(shapes))
    if len(shapes) > 1 or len(image) != 3 or mask != (1, *image[1:]):
        raise ValueError(
            f"slices must have one shape (C,H,W) of images and (1,H,W) of masks, got {sorted(shapes)}: give the "
            "transform a slice_transform."
        )
