"""Contact sheet of a data set: a slice of every case, with its mask outlined."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform

from bundle.keys import CASE, IMAGE, LABEL
from bundle.volumes import DISPLAY_AXES, MaskValues, VolumeFile, count_positive, is_slice_image, to_class_numbers

_TILE_INCHES = 1.5
_DOTS_PER_INCH = 100


def contact_sheet(
    items: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    channel: int = 0,
    columns: int = 8,
    positive_above: float = 0,
    mask_values: Sequence[int] | None = None,
    ignored_mask_value: int | None = None,
) -> None:
    """Draw the slice with most mask pixels of every case, else the middle slice, and outline the mask in magenta.

    The title says which label a case has: a mask, a CSV of slice labels or none, and how many slices are positive. A
    case that cannot be read gets a tile with the error: the sheet serves to find exactly those.

    Args:
        items: case dictionaries.
        path: PNG to write; its folder is made if it is missing.
        channel: index of the channel to show.
        columns: tiles per row.
        positive_above: mask values above this are outlined.
        mask_values: or only these, see `MaskValues`.
        ignored_mask_value: never outlined.

    Raises:
        ValueError: if there are no cases.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> path = Path(tempfile.mkdtemp()) / "sheet.png"
        >>> contact_sheet([{"image": "not_there.nii", "case": "a"}], path)
        >>> Image.open(path).size
        (150, 172)
    """
    if not items:
        raise ValueError("items must hold at least one case, got none: check the data list.")
    choice = MaskValues(mask_values, ignored_mask_value)
    columns = min(columns, len(items))
    rows = math.ceil(len(items) / columns)
    figure = Figure(figsize=(columns * _TILE_INCHES, rows * _TILE_INCHES * 1.15), dpi=_DOTS_PER_INCH, facecolor="black")
    figure.subplots_adjust(0, 0, 1, 0.88 + 0.12 * (1 - 1 / rows), wspace=0.02, hspace=0.15)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for index, axis in enumerate(axes):
        axis.axis("off")
        if index < len(items):
            _draw(axis=axis, item=items[index], channel=channel, choice=choice, above=positive_above)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")


def _draw(*, axis: Axes, item: Mapping[str, Any], channel: int, choice: MaskValues, above: float) -> None:
    title = str(item[CASE] if item.get(CASE) is not None else Path(_as_list(files=item[IMAGE])[0]).name)
    try:
        image, mask, remark = _slice_and_mask(item=item, channel=channel, choice=choice, above=above)
    except Exception as error:  # any reader's error makes a tile, because the sheet must show every case
        axis.text(0.5, 0.5, f"unreadable\n{type(error).__name__}", color="red", ha="center", va="center", fontsize=7)
    else:
        title = f"{title}\n{remark}"
        axis.imshow(image, cmap="gray")
        if mask is not None and mask.any():
            axis.contour(mask, levels=[0.5], colors="magenta", linewidths=0.8)
    axis.set_title(title, color="white", fontsize=6, pad=2, parse_math=False)


def _slice_and_mask(
    *, item: Mapping[str, Any], channel: int, choice: MaskValues, above: float
) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Return a slice (H, W), its mask (H, W) or None, and the kind of its label."""
    labels = _as_list(files=[] if item.get(LABEL) is None else item[LABEL])
    mask, remark = _mask(files=labels, choice=choice, above=above)
    image = _volume(files=_as_list(files=item[IMAGE]), channel=channel)
    if mask is not None and mask.shape != image.shape:
        mask, remark = None, "mask: other shape"
    if image.dtype.kind not in "iufb":
        raise TypeError(f"voxels must be numbers, got {image.dtype}: see the check.")
    index = image.shape[2] // 2 if mask is None or not mask.any() else int(mask.sum(axis=(0, 1)).argmax())
    shown = np.nan_to_num(image[..., index].astype(float), posinf=0, neginf=0)
    return shown, None if mask is None else mask[..., index], remark


def _mask(*, files: Sequence[str], choice: MaskValues, above: float) -> tuple[np.ndarray | None, str]:
    """Return what is positive, (H, W, D), or None where no mask says it, and the kind of the label."""
    if not files:
        return None, "no label"
    is_table = files[0].lower().endswith(".csv")
    try:
        if is_table:
            return None, f"slice labels: {count_positive(files[0])} positive"
        mask = choice.classes(to_class_numbers(_volume(files=files, channel=0))) > (0 if choice.values else above)
    except Exception as error:  # the image can still be shown
        return None, f"{'slice labels' if is_table else 'mask'}: {type(error).__name__}"
    return mask, f"mask: {int(mask.any(axis=(0, 1)).sum())} positive"


def _volume(*, files: Sequence[str], channel: int) -> np.ndarray:
    """Return one channel as (H, W, D): of a volume with rows towards posterior and columns towards left."""
    if is_slice_image(files[0]):
        voxels = VolumeFile.read(files).data
    else:
        volume = VolumeFile.read([files[min(channel, len(files) - 1)]])
        turn = ornt_transform(io_orientation(volume.affine), axcodes2ornt(DISPLAY_AXES))
        voxels = apply_orientation(volume.data, turn)
    return voxels[..., min(channel, voxels.shape[3] - 1)] if voxels.ndim == 4 else voxels


def _as_list(*, files: Any) -> list[str]:
    return [str(file) for file in files] if isinstance(files, list | tuple) else [str(files)]
