"""One case of the slice store: a folder with its slices, written once and read in place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bundle.data.slices.fingerprint import STORE_FORMAT
from bundle.keys import IMAGE, LABEL, MASK, SLICE_INDEX, SUPERVISED

FLOAT16_ERROR = 5e-4
"""Largest difference that float16 may make: half of its step just below 2, so enough for intensities in [-2, 2]."""
UINT8_ERROR = 2.0**-23
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
            raise ValueError(f"Expected `dtype` to be one of {sorted(_DTYPES)} but got {name!r}.")
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
                f"expected intensities that {self.name} keeps within {self.error:.1e}, but one differs by {lost:.1e} "
                f"(they run from {low:.4g} to {high:.4g}): {self.remedy}"
            )
        return kept

    def decode(self, kept: Tensor) -> Tensor:
        """Turn kept intensities back into float32."""
        return kept.float() / 255 if self.torch_dtype == torch.uint8 else kept.float()


_DTYPES: dict[str, SliceDtype] = {
    "float16": SliceDtype(
        "float16", torch.float16, FLOAT16_ERROR, 'use dtype "float32", or scale intensities to [0, 1].'
    ),
    "float32": SliceDtype("float32", torch.float32, 0.0, "replace NaN and infinite voxels."),
    "uint8": SliceDtype("uint8", torch.uint8, UINT8_ERROR, 'use dtype "float16" or "float32".'),
}


IMAGE_FILE, MASK_FILE, META_FILE = "image.npy", "mask.npy", "meta.json"


@dataclass(frozen=True)
class StoredCase:
    """What the store knows of a case without opening its arrays.

    `image.npy` holds (D,C,H,W) in the store's type, `mask.npy` (D, ceil(H*W/8)) uint8 with one bit a pixel, `meta.json`
    the rest; it is written last.

    Args:
        image_shape: (D,C,H,W).
        labels: (D,) classes, -1 where unknown.
        slice_index: (D,) position in the volume.
        supervised: True if the case has a mask.
        multiclass: True if labels are class indices, False for 0 and 1.

    Example:
        >>> import tempfile
        >>> one = {"image": torch.ones(1, 2, 2), "label": torch.ones(1), "mask": torch.ones(1, 2, 2), "slice_index": 4}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     StoredCase.write(Path(folder), [one], SliceDtype.named("uint8"))
        ...     StoredCase.read(Path(folder), SliceDtype.named("uint8")).slice_index
        array([4], dtype=int32)
    """

    image_shape: tuple[int, int, int, int]
    labels: NDArray[np.int16]
    slice_index: NDArray[np.int32]
    supervised: bool
    multiclass: bool

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
        raise ValueError("expected at least one slice but the transform made none: leave the case out.")
    shapes = {(tuple(entry[IMAGE].shape), tuple(entry[MASK].shape)) for entry in slices}
    image, mask = next(iter(shapes))
    if len(shapes) > 1 or len(image) != 3 or mask != (1, *image[1:]):
        raise ValueError(
            f"expected slices with one image (C,H,W) and mask (1,H,W) shape, but the transform made {sorted(shapes)}: "
            "give it a slice_transform."
        )
