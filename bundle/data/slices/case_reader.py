"""Mapped arrays of the cases of a slice store."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bundle.data.slices.stored_case import IMAGE_FILE, MASK_FILE, map_array


class CaseArrays(NamedTuple):
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
        self._open: OrderedDict[Path, CaseArrays] = OrderedDict()

    def open(self, folder: Path, dtype: np.dtype[Any], image_shape: tuple[int, int, int, int]) -> CaseArrays:
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
        self._open[folder] = CaseArrays(image, mask)
        if len(self._open) > self.max_open:
            self._open.popitem(last=False)
        return self._open[folder]

    def __getstate__(self) -> dict[str, Any]:
        return {"max_open": self.max_open, "_open": OrderedDict()}
