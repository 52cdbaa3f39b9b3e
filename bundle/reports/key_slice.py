"""Pictures of a slice that was read: alone, under the map, and with the outlines of its findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage.measure import find_contours

from bundle.reports.overlay import draw_overlay
from bundle.reports.slice_display import DisplayPlane, Window, slice_window
from bundle.reports.tables import told_apart

if TYPE_CHECKING:
    from bundle.dicom import Reading

RESEARCH_ONLY = "Research only, not for diagnosis"
MAP_OPACITY = 0.6
_MAGENTA, _WHITE, _BLACK = (255, 0, 255), (255, 255, 255), (0, 0, 0)
_BARS_MM = (200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1)
_OTHER_UNITS = "units"
"""Flag of a CT whose values are no Hounsfield units."""
_NARROWEST = 640
"""Px that the lines of text under the tiles need."""


def window_of(reading: Reading, images: NDArray, slice_index: int) -> Window:
    """Return the window in which a slice is shown, see `slice_window`; of a further contrast it names the series.

    Args:
        reading: of the stack.
        images: (columns, rows, D), the volume that was read.
        slice_index: of `reading.stack.planes`.
    """
    stack = (reading.stack, *reading.further)[reading.shown]
    plane, values = stack.planes[0 if reading.shown else slice_index], images[..., slice_index]
    modality = "" if _OTHER_UNITS in stack.flags else plane.modality
    if reading.shown:  # its slices lie between those of its file, whose windows then are not theirs
        window = slice_window(values, None, modality)
        return window._replace(source=f"{window.source}, of {plane.label}")
    return slice_window(values, plane.window, modality)


def slice_name(reading: Reading, slice_index: int) -> str:
    """Return which slice it is: its number from 1, the number that a viewer shows, and its position.

    Args:
        reading: of the stack.
        slice_index: of `reading.stack.planes`.
    """
    plane, positions = reading.stack.planes[slice_index], reading.stack.positions
    parts = [f"slice {slice_index + 1} of {len(positions)}"]
    if plane.frame is not None:
        parts.append(f"frame {plane.frame}")
    elif plane.instance is not None:
        parts.append(f"instance {plane.instance}")
    return ", ".join([*parts, f"{positions[slice_index]:.1f} mm"])


def key_slice_tiles(reading: Reading, images: NDArray, slice_index: int, longest_px: int = 384) -> dict[str, NDArray]:
    """Return pictures of a slice with the patient's sides and a scale bar, pixels in true proportion.

    Args:
        reading: of the stack.
        images: (columns, rows, D), the volume that was read.
        slice_index: of `reading.stack.planes`.
        longest_px: of the longer side of a tile.

    Returns:
        Title -> (H, W, 3) uint8: `"image"`; `"map"`, where there is one; `"outline"`, where a finding lies on it.

    Raises:
        ValueError: the volume is not that of the reading.
    """
    if images.shape != reading.stack.shape:
        raise ValueError(f"images must have the shape {reading.stack.shape} of the stack, got {images.shape}.")
    plane = DisplayPlane(reading.stack.affine)
    size = plane.size_px(images.shape[:2], longest_px)

    def shown(volume: NDArray) -> NDArray:
        return _resized(plane.shown(volume[..., slice_index]), size)

    gray, ends = shown(images), window_of(reading, images, slice_index).ends
    tiles = {"image": draw_overlay(gray, np.zeros_like(gray), opacity=0, image_scale=ends)}
    if reading.attribution is not None:
        tiles["map"] = draw_overlay(gray, shown(reading.attribution), None, MAP_OPACITY, (0, 1), ends)
    labels = plane.shown(reading.labels[..., slice_index])
    if labels.any():
        tiles["outline"] = _outlined(tiles["image"], labels)
    pixel_mm = labels.shape[1] * plane.spacing[1] / size[0]
    return {title: _annotated(tile, plane, pixel_mm) for title, tile in tiles.items()}


def key_slice_picture(reading: Reading, images: NDArray, slice_index: int, longest_px: int = 512) -> NDArray:
    """Return the tiles of a slice side by side, with what they show and that they are not for diagnosis burned in.

    Args:
        reading: of the stack.
        images: (columns, rows, D), the volume that was read.
        slice_index: of `reading.stack.planes`.
        longest_px: of the longer side of a tile.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: the volume is not that of the reading.
    """
    tiles = list(key_slice_tiles(reading, images, slice_index, longest_px).values())
    gap, line = 8, 24
    width = max(_NARROWEST, sum(tile.shape[1] for tile in tiles) + gap * (len(tiles) + 1))
    lines = _lines(reading, images, slice_index)
    height = tiles[0].shape[0] + 2 * gap + line * len(lines) + gap
    page = Image.new("RGB", (width, height), _BLACK)
    left = gap
    for tile in tiles:
        page.paste(Image.fromarray(tile), (left, gap))
        left += tile.shape[1] + gap
    draw = ImageDraw.Draw(page)
    for number, text in enumerate(lines):
        top = tiles[0].shape[0] + 2 * gap + line * number
        draw.text((gap, top), text, _WHITE, _font(18 if number else 20))
    return np.asarray(page)


def _lines(reading: Reading, images: NDArray, slice_index: int) -> list[str]:
    """Return the text under the tiles; the first line is the one that must not be missed."""
    chances = zip(reading.classes, reading.probability[slice_index], reading.threshold, strict=True)
    shown = [(name, *told_apart(chance, threshold)) for name, chance, threshold in chances]
    of_classes = [f"{name} {chance} (positive from {threshold})" for name, chance, threshold in shown]
    more = f", and {len(of_classes) - 2} more classes" if len(of_classes) > 2 else ""
    return [
        f"{RESEARCH_ONLY}. {reading.model.name} {reading.model.version}"[:60],
        f"{slice_name(reading, slice_index)}; {window_of(reading, images, slice_index).text}",
        f"Probability: {', '.join(of_classes[:2])}{more}",
    ]


def _resized(values: NDArray, size: tuple[int, int]) -> NDArray:
    """Return values (H, W) on `size`, width and height, between its pixels; what is not finite counts as 0."""
    finite = np.nan_to_num(np.asarray(values, dtype=np.float32), posinf=0, neginf=0)
    return np.asarray(Image.fromarray(np.ascontiguousarray(finite)).resize(size, Image.Resampling.BILINEAR))


def _outlined(tile: NDArray, labels: NDArray) -> NDArray:
    """Return the tile with the outline of each finding and its number."""
    picture = Image.fromarray(tile)
    draw = ImageDraw.Draw(picture)
    scale = np.array(tile.shape[:2]) / labels.shape
    for number in np.unique(labels[labels > 0]):
        # one pixel of margin closes the outlines at the border
        polygons = find_contours(np.pad(labels == number, 1), 0.5, fully_connected="high")
        corners = [(polygon - 0.5) * scale for polygon in polygons]
        for polygon in corners:
            draw.line([(x, y) for y, x in polygon], _MAGENTA, width=2)
        y, x = min(np.concatenate(corners), key=lambda corner: corner[0] - corner[1])  # towards the upper right
        _write(draw, _inside(draw, (x + 4, y - 4), str(number), picture.size), str(number), "lb")
    return np.asarray(picture)


def _inside(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: tuple[int, int]
) -> tuple[float, float]:
    """Return where text must stand to be whole, as near to a place as can be; at the border it would be cut off."""
    left, top, right, bottom = draw.textbbox(at, text, _font(16), "lb", stroke_width=2)
    return at[0] - max(right - size[0], 0) - min(left, 0), at[1] - max(bottom - size[1], 0) - min(top, 0)


def _annotated(tile: NDArray, plane: DisplayPlane, pixel_mm: float) -> NDArray:
    """Return the tile with letters at its edges and a scale bar."""
    picture = Image.fromarray(tile)
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    places: dict[str, tuple[float, float, str]] = {
        "left": (4, height / 2, "lm"),
        "right": (width - 4, height / 2, "rm"),
    }
    places |= {"top": (width / 2, 3, "mt"), "bottom": (width / 2, height - 4, "mb")}
    for side, (x, y, anchor) in places.items():
        _write(draw, (x, y), plane.letters[side], anchor)
    length = next((mm for mm in _BARS_MM if mm / pixel_mm <= width / 3), _BARS_MM[-1])
    right, bottom = width - 8, height - 10
    box = (right - length / pixel_mm, bottom - 3, right, bottom)
    draw.rectangle(box, _WHITE, _BLACK)
    _write(draw, (right, bottom - 6), f"{length:g} mm", "rb")
    return np.asarray(picture)


def _write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, anchor: str) -> None:
    draw.text(at, text, _WHITE, _font(16), anchor, stroke_width=2, stroke_fill=_BLACK)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
