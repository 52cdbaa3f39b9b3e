import numpy as np
import pytest

from bundle.phantoms import Anatomy
from bundle.phantoms.head_space import Ellipsoid, head_space, smooth_field

FOV_MM = (200.0, 200.0, 115.0)


def at(anatomy_values, position_mm, place):
    """Value at the voxel nearest to a place in the head."""
    distance = np.linalg.norm(position_mm - np.reshape(place, (3, 1, 1, 1)), axis=0)
    return anatomy_values[(..., *np.unravel_index(distance.argmin(), distance.shape))]


@pytest.fixture(scope="module")
def head():
    position_mm = head_space((64, 64, 24), FOV_MM)
    return Anatomy.draw(np.random.default_rng(3), position_mm), position_mm


def test_ventricles_are_fluid_and_white_matter_is_not(head):
    anatomy, position_mm = head
    t1, t2, flair = at(anatomy.images, position_mm, (0, 8, 15))
    white_t1, white_t2, white_flair = at(anatomy.images, position_mm, (-10, 30, 22))
    assert t1 < white_t1
    assert t2 > white_t2
    assert flair < white_flair
    assert at(anatomy.brain, position_mm, (0, 8, 15)) < 0.5 < at(anatomy.brain, position_mm, (-10, 30, 22))


def test_air_surrounds_the_head_and_a_skull_the_brain(head):
    anatomy, position_mm = head
    corner = (-98, -98, 0)
    assert at(anatomy.head, position_mm, corner) < 0.01
    assert at(anatomy.images, position_mm, corner).max() < 0.01
    line = anatomy.images[0, 32, 32:, 14]
    brain_end = np.flatnonzero(anatomy.brain[32, 32:, 14] > 0.5).max()
    skull = line[brain_end:].argmax() + brain_end  # the fat outside
    assert line[brain_end:skull].min() < 0.2 < line[skull]


def test_the_cross_section_changes_from_bottom_to_top(head):
    anatomy, _ = head
    area = (anatomy.brain > 0.5).sum(axis=(0, 1))
    assert area[14] > 2 * area[-1]
    assert area[14] > 1.5 * area[2]


def test_another_patient_has_another_brain(head):
    anatomy, position_mm = head
    other = Anatomy.draw(np.random.default_rng(4), position_mm)
    assert np.abs(anatomy.images - other.images).mean() > 0.01


def test_a_field_belongs_to_the_place_and_not_to_the_grid():
    coarse, fine = head_space((8, 8, 4), FOV_MM), head_space((24, 24, 12), FOV_MM)
    fields = [smooth_field(np.random.default_rng(0), grid, wavelength_mm=30.0) for grid in (coarse, fine)]
    np.testing.assert_allclose(fields[0], fields[1][1::3, 1::3, 1::3], atol=1e-4)


def test_a_field_has_mean_zero_and_variance_one():
    field = smooth_field(np.random.default_rng(0), head_space((48, 48, 48), (400.0, 400.0, 400.0)), 20.0)
    assert abs(field.mean()) < 0.05
    assert field.std() == pytest.approx(1, abs=0.05)


def test_depth_is_the_distance_to_the_surface_along_the_shortest_axis():
    solid = Ellipsoid((1.0, 0.0, 0.0), (20.0, 10.0, 30.0))
    places = np.array([[1, 0, 0], [1, 4, 0], [1, 12, 0]], dtype=float).T.reshape(3, 3, 1, 1)
    np.testing.assert_allclose(solid.depth_mm(places).ravel(), [10, 6, -2], atol=1e-5)


def test_a_mirrored_solid_lies_on_the_other_side():
    assert Ellipsoid((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)).mirrored() == Ellipsoid((1.0, -2.0, 3.0), (4.0, 5.0, 6.0))


def test_a_shifted_head_is_met_later():
    here, shifted = (
        head_space((4, 4, 4), (40.0, 40.0, 40.0)),
        head_space((4, 4, 4), (40.0, 40.0, 40.0), (10.0, 0.0, 0.0)),
    )
    np.testing.assert_allclose(here[:, :-1], shifted[:, 1:])


def test_a_quarter_turn_swaps_the_axes():
    turned = head_space((2, 2, 1), (2.0, 2.0, 1.0), turn_deg=90.0)
    np.testing.assert_allclose(turned[:, 0, 1, 0], [0.5, 0.5, 0.0], atol=1e-6)


def test_a_large_head_is_met_at_smaller_coordinates():
    np.testing.assert_allclose(
        head_space((2, 2, 2), (8.0, 8.0, 8.0), scale=(2.0, 1.0, 1.0))[:, 1, 1, 1], [1.0, 2.0, 2.0]
    )
