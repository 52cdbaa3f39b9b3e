"""Pictures of maps."""

import numpy as np
import pytest
from matplotlib import colormaps

from bundle.reports import draw_overlay, overlay_panel


def test_low_shows_anatomy_and_high_shows_color():
    image = np.array([[0.0, 10.0], [5.0, 10.0]])
    picture = draw_overlay(image, np.array([[-3.0, -3.0], [-3.0, 1.0]]), opacity=1.0)
    assert picture.dtype == np.uint8
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[0, 1].tolist() == [255, 255, 255]
    assert picture[1, 0].tolist() == [128, 128, 128]
    np.testing.assert_array_equal(picture[1, 1], np.round(255 * np.array(colormaps["inferno"](1.0)[:3])))


def test_the_outline_is_magenta_and_one_pixel_wide():
    mask = np.zeros((7, 7))
    mask[1:6, 1:6] = 2
    magenta = (draw_overlay(np.zeros((7, 7)), np.zeros((7, 7)), mask) == (255, 0, 255)).all(axis=-1)
    expected = np.zeros((7, 7), bool)
    expected[1:6, 1:6] = True
    expected[2:5, 2:5] = False
    np.testing.assert_array_equal(magenta, expected)


def test_constant_and_not_finite_values():
    assert (draw_overlay(np.full((3, 3), 7.0), np.full((3, 3), 7.0)) == 0).all()
    assert (draw_overlay(np.full((2, 2), np.nan), np.zeros((2, 2))) == 0).all()
    image = np.array([[np.nan, 1.0, 2.0]])
    assert draw_overlay(image, np.zeros((1, 3)))[0, :, 0].tolist() == [0, 0, 255]


def test_with_a_scale_maps_compare_and_values_beyond_it_are_its_ends():
    image, scale = np.zeros((1, 3)), (0.0, 2.0)
    low, high = draw_overlay(image, [[0, 1, 1]], scale=scale), draw_overlay(image, [[-5, 2, 9]], scale=scale)
    assert low[0, 1].sum() < high[0, 1].sum()
    assert np.array_equal(low[0, 0], high[0, 0])
    assert np.array_equal(high[0, 1], high[0, 2])
    assert (draw_overlay(image, [[0, 1, 2]], scale=(1.0, 1.0)) == 0).all()


def test_shapes_are_compared():
    with pytest.raises(ValueError, match=r"\[\(3, 3\), \(3, 3\), \(3, 4\)\]"):
        draw_overlay(np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="one shape"):
        draw_overlay(np.zeros((3, 3)), np.zeros((3, 2)))


def test_a_panel_holds_its_tiles_in_rows_and_columns():
    red, green, blue = (np.full((8, 8, 3), 255 * np.eye(3, dtype=np.uint8)[i]) for i in range(3))
    panel = overlay_panel([[red, green], [blue]], column_titles=("a", "b"), row_titles=("x", "y"), tile_px=100)
    assert panel.shape == (3, 200, 200)
    assert panel.dtype == np.uint8

    def center(color):
        rows, columns = np.nonzero((panel.transpose(1, 2, 0) == color).all(axis=-1))
        return rows.mean() // 100, columns.mean() // 100

    assert [center(tile[0, 0]) for tile in (red, green, blue)] == [(0, 0), (0, 1), (1, 0)]


def test_no_picture_is_refused():
    with pytest.raises(ValueError, match="at least one picture"):
        overlay_panel([[]])
