"""Picture of an inferred case: some slices alone and under their maps, with verdict, color bar and patient's sides."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from nibabel.affines import voxel_sizes
from nibabel.orientations import aff2axcodes
from numpy.typing import NDArray

from bundle.reports.overlay import COLORS, draw_overlay

_LINE, _GAP, _LEFT, _RIGHT = 20, 10, 34, 110  # px: a line of text, between tiles, for row titles, for the color bar
_SMALLEST, _LARGEST = 256, 512  # px: the longer side of a tile; voxels are shown one by one up to the larger
_NARROWEST_COLUMN, _NARROWEST_PAGE = 130, 620  # px that the titles need
_FULL, _DIMMED = 0.6, 0.15  # opacity of the map's maximum
_OPPOSITE = dict(zip("LRAPIS", "RLPASI", strict=True))


def case_picture(
    case: str,
    shown: Mapping[str, Any],
    result: Mapping[str, Any],
    channel: int = -1,
    map_scale: Sequence[float] | None = None,
) -> NDArray:
    """Return slices of a case above, the same under their maps below, and what was decided about them.

    All maps have one color scale. Maps of slices below the threshold are dimmed.

    Args:
        case: name of the case.
        shown: `index` (n), `image` (n, C, H, W), `map` (n, H, W), `map_range` (lowest and highest value of the whole
            volume) and `affine` (4, 4) of the raster, voxel to world in mm, or None where nobody knows how it lies.
        result: as `SplitPredictiond` makes it.
        channel: index of the channel to show; -1 is the last.
        map_scale: map values at the two ends of the color scale; None takes the range of this case.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: there is no such channel.

    Example:
        >>> shown = {"index": [0], "image": np.eye(8)[None, None], "map": np.eye(8)[None], "map_range": (0, 1),
        ...          "affine": None}
        >>> result = {"slices": [{"probability": 0.2, "positive": False, "blank": False}], "volume": {"max": 0.2},
        ...           "positive": False, "threshold": 0.5, "volume_threshold": 0.5}
        >>> case_picture("a", shown, result).shape[1]
        620
    """
    channels = shown["image"].shape[1]
    if not -channels <= channel < channels:
        raise ValueError(f"shown_channel must be from {-channels} to {channels - 1}, got {channel}: count from 0.")
    scale = shown["map_range"] if map_scale is None else map_scale
    rows = [result["slices"][index] for index in shown["index"]]
    images = shown["image"][:, channel]
    overlays = [
        draw_overlay(image, attribution, opacity=_FULL if row["positive"] else _DIMMED, scale=scale)
        for image, attribution, row in zip(images, shown["map"], rows, strict=True)
    ]
    alone = [draw_overlay(image, np.zeros_like(image), opacity=0) for image in images]
    titles = [_title(index, row) for index, row in zip(shown["index"], rows, strict=True)]
    page = _Page(_tile_size(images.shape[1:], shown["affine"]), len(titles), _head(case, result, map_scale is None))
    page.add_row("image", alone, titles)
    page.add_row("image and map", overlays)
    page.add_sides(shown["affine"])
    page.add_color_bar(scale)
    return page.pixels()


def _title(index: int, row: Mapping[str, Any]) -> str:
    """Return the two lines above a slice."""
    verdict = "blank" if row["blank"] else "positive" if row["positive"] else "negative"
    return f"slice {index}\n{row['probability']:.3f} {verdict}"


def _head(case: str, result: Mapping[str, Any], is_own_scale: bool) -> list[str]:
    """Return the paragraphs above the tiles; the first one is the headline."""
    slices = result["slices"]
    positive = sum(row["positive"] for row in slices)
    of_whom = "this case alone (the model has no map_scale)" if is_own_scale else "the model"
    return [
        f"{case}: {'POSITIVE' if result['positive'] else 'negative'}",
        f"Highest slice {result['volume']['max']:.3f}, positive from {result['volume_threshold']:.3f}. {positive} of "
        f"{len(slices)} slices positive, from {result['threshold']:.3f}.",
        f"Color scale of {of_whom}; maps of negative slices are dimmed. Research only, not for diagnosis.",
    ]


def _tile_size(shape: Sequence[int], affine: NDArray | None) -> tuple[int, int]:
    """Return height and width in px: true proportions, and no voxel lost up to 512 of them."""
    spacing = np.ones(2) if affine is None else voxel_sizes(affine)[:2]
    size = np.array(shape) * spacing / spacing.min()
    shrink = min(1.0, _LARGEST / max(shape))
    enlarge = max(1, round(_SMALLEST / size.max()))  # whole, so that all voxels have one size
    height, width = np.rint(size * shrink * enlarge).astype(int).clip(1)
    return int(height), int(width)


class _Page:
    """A figure laid out in pixels from the top, white on black."""

    def __init__(self, tile: tuple[int, int], columns: int, head: Sequence[str]) -> None:
        self.tile = tile
        self.pitch = max(tile[1], _NARROWEST_COLUMN) + _GAP
        self.width = max(_LEFT + columns * self.pitch + _RIGHT, _NARROWEST_PAGE)
        wrapped = [textwrap.wrap(paragraph, (self.width - _LEFT) // 11) for paragraph in head]
        lines = [line for paragraph in wrapped for line in paragraph]
        self.top = _GAP + _LINE * (len(lines) + 2) + _GAP  # two lines of titles follow
        self.height = self.top + 2 * (tile[0] + _GAP)
        self.tiles: list[Any] = []
        self.figure = Figure(figsize=(self.width / 100, self.height / 100), dpi=100, facecolor="black")
        for number, line in enumerate(lines):
            self._write(_LEFT, _GAP + _LINE * number, line, weight="bold" if number < len(wrapped[0]) else "normal")

    def _write(self, left: float, top: float, text: str, **style: Any) -> None:
        options = {"color": "white", "fontsize": 10, "va": "top", "parse_math": False, **style}
        self.figure.text(left / self.width, 1 - top / self.height, text, **options)

    def _axes(self, left: float, top: float, height: float, width: float) -> Any:
        box = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def add_row(self, name: str, pictures: Sequence[NDArray], titles: Sequence[str] = ()) -> None:
        """Add pictures side by side."""
        height, width = self.tile
        self._write(_GAP, self.top + height / 2, name, rotation=90, va="center")
        for column, picture in enumerate(pictures):
            left = _LEFT + column * self.pitch
            axes = self._axes(left, self.top, height, width)
            axes.set_axis_off()
            axes.imshow(picture, aspect="auto", interpolation="nearest")
            self.tiles.append(axes)
            if titles:
                self._write(left, self.top - 2 * _LINE, titles[column])
        self.top += height + _GAP

    def add_sides(self, affine: NDArray | None) -> None:
        """Mark on all tiles which side of the patient lies where, if that is known."""
        if affine is None:
            return
        down, right = aff2axcodes(affine)[:2]
        places = {(0.02, 0.5): _OPPOSITE[right], (0.98, 0.5): right, (0.5, 0.98): _OPPOSITE[down], (0.5, 0.02): down}
        for axes in self.tiles:
            for (x, y), letter in places.items():
                ha = {0.02: "left", 0.98: "right"}.get(x, "center")
                va = {0.02: "bottom", 0.98: "top"}.get(y, "center")
                outline = [withStroke(linewidth=2, foreground="black")]
                axes.text(x, y, letter, transform=axes.transAxes, color="white", ha=ha, va=va, path_effects=outline)

    def add_color_bar(self, scale: Sequence[float]) -> None:
        """Add the color bar to the right of the maps."""
        height = self.tile[0]
        left = self.width - _RIGHT + _GAP
        self._write(left, self.top - height - _GAP, "map (no unit)", fontsize=9)
        axes = self._axes(left, self.top - height - _GAP + 1.5 * _LINE, height - 2 * _LINE, 16)
        colors = ScalarMappable(Normalize(*scale), matplotlib.colormaps[COLORS])
        bar = self.figure.colorbar(colors, cax=axes, ticks=scale if scale[0] < scale[1] else scale[:1], format="%.3g")
        bar.ax.tick_params(colors="white", labelsize=9)
        bar.outline.set_edgecolor("white")

    def pixels(self) -> NDArray:
        """Return the drawing, (H, W, 3) uint8."""
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()
