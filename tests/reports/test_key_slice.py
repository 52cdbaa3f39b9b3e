"""Pictures of a slice that was read: every pixel at its place, and what it is burned in."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3")
from PIL import Image, ImageDraw, ImageFont
from support.study_readings import AXIAL, CORONAL, SAGITTAL, reading_of, stack_of

from bundle.reports import RESEARCH_ONLY, key_slice_picture
from bundle.reports.key_slice import key_slice_tiles, slice_name, window_of

MAGENTA = (255, 0, 255)


def centroid(mask):
    return np.argwhere(mask).mean(axis=0)


@pytest.mark.parametrize(
    ("orientation", "spacing"),
    [
        (AXIAL, (1.0, 1.0)),
        (AXIAL, (2.0, 1.0)),
        ((-1, 0, 0, 0, -1, 0), (1.0, 1.5)),
        (SAGITTAL, (1.0, 1.0)),
        (CORONAL, (1.0, 2.0)),
    ],
)
def test_image_map_and_outline_show_a_finding_at_one_place(orientation, spacing):
    stack = stack_of((40, 30, 5), orientation, spacing, window=(50.0, 100.0))
    reading, _ = reading_of(stack, [((10, 20, 2), 4)])
    tiles = key_slice_tiles(reading, np.where(reading.labels > 0, 100.0, 0.0), 2, 300)
    plain = key_slice_tiles(reading, np.zeros(reading.labels.shape), 0, 300)["image"]  # letters and scale bar alone
    height, width = plain.shape[:2]
    x, y = width * 10.5 / 40, height * 20.5 / 30
    if orientation[0] == -1:  # is turned by 180 degrees
        x, y = width - x, height - y
    for title in ("image", "map", "outline"):
        changed = (tiles[title] == MAGENTA).all(axis=2) if title == "outline" else (tiles[title] != plain).any(axis=2)
        assert centroid(changed) == pytest.approx([y, x], abs=5)
    assert width / height == pytest.approx(40 * spacing[1] / (30 * spacing[0]), rel=0.02)


@pytest.mark.parametrize("center", [(0, 0), (39, 0), (39, 10)])
def test_the_number_of_a_finding_at_the_border_is_not_cut_off(center):
    def stroke(at):
        reading, images = reading_of(stack_of((40, 48, 3)), [((*at, 1), 4)])
        tiles = key_slice_tiles(reading, np.zeros_like(images), 1)
        return ((tiles["outline"] > 200).all(axis=2) & (tiles["image"] == 0).all(axis=2)).sum()

    assert stroke(center) == pytest.approx(stroke((12, 36)), rel=0.2)


def test_the_scale_bar_has_the_length_that_it_says():
    reading, images = reading_of(stack_of((40, 40, 3), spacing=(2.0, 2.0)))
    tile = key_slice_tiles(reading, np.zeros_like(images), 1, 400)["image"]
    row = tile.shape[0] - 12
    white = (tile[row] == 255).all(axis=1).sum()
    assert white * 80 / 400 == pytest.approx(20, abs=1)  # 80 mm on 400 px; the largest bar up to a third is 20 mm


def test_tiles_are_left_out_where_there_is_no_map_or_finding():
    reading, images = reading_of(stack_of((20, 20, 3)), [((10, 10, 1), 1)], has_map=False)
    assert list(key_slice_tiles(reading, images, 1)) == ["image", "outline"]
    assert list(key_slice_tiles(reading, images, 0)) == ["image"]


def test_voxels_that_are_not_finite_are_drawn():
    reading, images = reading_of(stack_of((20, 20, 3)))
    images[3:5, 3:5] = np.nan
    assert key_slice_tiles(reading, images, 1)["image"].dtype == np.uint8


def test_a_volume_of_another_shape_is_refused():
    reading, images = reading_of(stack_of((20, 20, 3)))
    with pytest.raises(ValueError, match=r"images must have the shape \(20, 20, 3\) of the stack, got \(20, 20, 2\)"):
        key_slice_picture(reading, images[..., :2], 1)


def test_the_picture_has_the_warning_burned_in():
    reading, images = reading_of(stack_of((20, 20, 3)), [((10, 10, 1), 3)])
    picture = key_slice_picture(reading, images, 1, 100)
    words = Image.new("RGB", (400, 30))
    ImageDraw.Draw(words).text((8, 0), RESEARCH_ONLY, (255, 255, 255), ImageFont.load_default(20))
    strip = picture[100 + 16 : 100 + 46, : 8 + int(ImageFont.load_default(20).getlength(RESEARCH_ONLY)) - 2]
    assert (strip[:22] == np.asarray(words)[:22, : strip.shape[1]]).all()
    assert picture.dtype == np.uint8
    assert picture.shape[1] >= 640


@pytest.mark.parametrize(("flags", "has_unit"), [({}, True), ({"units": "its values are mg/ml"}, False)])
def test_a_window_has_no_hounsfield_units_where_the_values_are_none(flags, has_unit):
    reading, images = reading_of(replace(stack_of((20, 20, 3), modality="CT"), flags=flags))
    assert (" HU" in window_of(reading, images, 1).text) == has_unit


def test_a_slice_is_named_as_in_the_viewer():
    reading, _ = reading_of(stack_of((20, 20, 3)))
    assert slice_name(reading, 1) == "slice 2 of 3, instance 101, -37.0 mm"
    assert slice_name(reading_of(stack_of((20, 20, 3), instance=None))[0], 1) == "slice 2 of 3, -37.0 mm"
    frames, _ = reading_of(stack_of((20, 20, 3), frame=9))
    assert slice_name(frames, 1) == "slice 2 of 3, frame 9, -37.0 mm"
