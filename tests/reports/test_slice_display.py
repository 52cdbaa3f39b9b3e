"""Slices are shown as radiologists expect them, whatever way the scanner stored them."""

import numpy as np
import pytest

from bundle.reports.slice_display import DisplayPlane, place_in_patient, side_letters, slice_window

TO_RAS = np.diag([-1.0, -1.0, 1.0])
ORIENTATIONS = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "axial, prone": ((-1, 0, 0), (0, -1, 0)),
    "axial, mirrored": ((-1, 0, 0), (0, 1, 0)),
    "axial, rows along columns": ((0, 1, 0), (1, 0, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "sagittal, upside down": ((0, -1, 0), (0, 0, 1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "coronal, lying": ((0, 0, 1), (1, 0, 0)),
    "axial, oblique": ((0.8, 0.6, 0), (-0.6, 0.8, 0)),
}
RIGHT_AND_DOWN = {"axial": (0, 1, 1, 1), "sagittal": (1, 1, 2, -1), "coronal": (0, 1, 2, -1)}
"""Axis of LPS and sign in which values grow to the right, then downwards."""


def affine(row, column, between_rows=1.0, between_columns=1.0, step=None):
    """Of DICOM's directions in LPS; PS3.3 C.7.6.2.1-1."""
    found = np.eye(4)
    normal = np.cross(row, column) if step is None else step
    found[:3, :3] = TO_RAS @ np.stack(
        [np.array(row) * between_columns, np.array(column) * between_rows, normal], axis=1
    )
    return found


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_every_orientation_is_turned_upright(name):
    row, column = map(np.array, ORIENTATIONS[name])
    plane = DisplayPlane(affine(row, column))
    i, j = np.meshgrid(np.arange(5), np.arange(4), indexing="ij")
    places = i[..., None] * row + j[..., None] * column  # (columns, rows, 3) in LPS
    across, sign_across, along, sign_along = RIGHT_AND_DOWN[name.split(",")[0]]
    shown = {axis: plane.shown(places[..., axis]) for axis in (across, along)}
    assert (np.diff(shown[across], axis=1) * sign_across > 0).all()
    assert (np.diff(shown[along], axis=0) * sign_along > 0).all()


@pytest.mark.parametrize(
    ("name", "left", "top"),
    [("axial", "R", "A"), ("sagittal", "A", "H"), ("coronal", "R", "H"), ("axial, prone", "R", "A")],
)
def test_letters_name_the_sides_of_the_patient(name, left, top):
    letters = DisplayPlane(affine(*ORIENTATIONS[name])).letters
    assert (letters["left"], letters["top"]) == (left, top)
    assert {*letters.values()} == {*left, *top, *("RLAPHF"["LRPAFH".index(side)] for side in left + top)}


def test_letters_of_an_oblique_slice_name_both_sides_the_main_one_first():
    assert DisplayPlane(affine(*ORIENTATIONS["axial, oblique"])).letters["right"] == "LP"
    tilted = DisplayPlane(affine((1, 0, 0), (0, 0.6, -0.8)))
    assert (tilted.name, tilted.letters["bottom"]) == ("oblique coronal", "FP")


def test_a_slight_tilt_keeps_single_letters():
    assert side_letters(np.array([-np.cos(0.2), -np.sin(0.2), 0])) == "L"


@pytest.mark.parametrize("name", ["axial", "axial, rows along columns"])
def test_pixels_that_are_not_square_keep_their_proportion(name):
    plane = DisplayPlane(affine(*ORIENTATIONS[name], between_rows=2.0, between_columns=0.5))
    width_mm, height_mm = (40 * 0.5, 30 * 2.0) if name == "axial" else (30 * 2.0, 40 * 0.5)
    width, height = plane.size_px((40, 30), 300)
    assert max(width, height) == 300
    assert width / height == pytest.approx(width_mm / height_mm, rel=0.01)


@pytest.mark.parametrize(("step", "order"), [((0, 0, 5), "from feet to head"), ((0, 1.5, -5), "from head to feet")])
def test_the_order_of_the_slices_is_told_also_with_a_tilted_gantry(step, order):
    assert DisplayPlane(affine((1, 0, 0), (0, 1, 0), step=np.array(step))).order == order


def test_places_have_the_letters_of_the_patient():
    assert place_in_patient(np.array([-34.4, 12.0, -8.0])) == "R 34, P 12, F 8"


def test_the_window_is_that_of_the_file():
    window = slice_window(np.arange(10), (40.0, 80.0), "CT")
    assert window.ends == (0.0, 80.0)
    assert window.text == "level 40, width 80 HU, as the file says"


@pytest.mark.parametrize("of_file", [None, (40.0, 0.0), (np.nan, 400.0)])
def test_a_ct_without_a_sound_window_has_that_of_soft_tissue(of_file):
    assert slice_window(np.arange(10), of_file, "CT").ends == (-160.0, 240.0)


def test_other_slices_have_percentiles_of_what_is_finite():
    values = np.append(np.arange(1001.0), [np.nan, np.inf])
    assert slice_window(values, None, "MR").ends == pytest.approx((10.0, 995.0))


@pytest.mark.parametrize("values", [np.full(4, np.nan), np.full(4, 7.0)])
def test_slices_without_any_contrast_have_a_window_of_one(values):
    assert slice_window(values, None, "MR").width == 1.0
