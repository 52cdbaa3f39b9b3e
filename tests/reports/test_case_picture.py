"""The picture of a case: one color scale, dimmed negatives, true proportions and sides, for any number of slices."""

import numpy as np
import pytest

from bundle.reports import case_picture

PLS = np.array([[0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def picture(heights, probabilities, *, shape=(16, 16), affine=PLS, case="a", threshold=0.5, **options):
    """Draw slices of a constant image, in the middle of which the map has the given heights."""
    maps = np.zeros((len(heights), *shape))
    maps[:, shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4] = np.array(heights)[:, None, None]
    rows = [{"probability": p, "positive": p >= threshold, "blank": False} for p in probabilities]
    shown = {
        "index": list(range(len(heights))),
        "image": options.pop("image", np.zeros((len(heights), 1, *shape))),
        "map": maps,
        "map_range": (0.0, maps.max()),
        "affine": affine,
    }
    highest = max(probabilities)
    result = {"slices": rows, "volume": {"max": highest}, "positive": highest >= threshold}
    return case_picture(case, shown, {**result, "threshold": threshold, "volume_threshold": threshold}, **options)


def glow(drawn, column):
    """Return how colored a tile's middle is in the row of maps; tiles are 256 px wide and 10 px apart."""
    left = 34 + column * 266
    middle = drawn[-10 - 256 :][100:150, left + 100 : left + 150].astype(int)
    return (middle.max(axis=2) - middle.min(axis=2)).mean()


def test_all_maps_have_one_scale():
    drawn = picture([1.0, 0.5, 0.1], [0.9] * 3, map_scale=(0.0, 1.0))
    assert glow(drawn, 0) > glow(drawn, 1) > 2 * glow(drawn, 2)


def test_a_negative_case_does_not_glow_with_and_without_a_scale_of_the_model():
    positive = glow(picture([1.0], [0.9], map_scale=(0.0, 1.0)), 0)
    assert glow(picture([0.2], [0.1], map_scale=(0.0, 1.0)), 0) < positive / 10
    assert glow(picture([0.2], [0.1]), 0) < positive / 2  # stretched to its own range, but dimmed


def test_values_beyond_the_scale_look_like_its_ends():
    assert np.array_equal(picture([1.0], [0.9], map_scale=(0.1, 0.5)), picture([0.5], [0.9], map_scale=(0.1, 0.5)))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_any_number_of_slices_has_room_for_its_titles(count):
    drawn = picture([1.0] * count, [0.9] * count)
    assert drawn.shape[1] >= 620
    assert (drawn[:, -5:] == 0).all()
    assert (drawn[:, :5] == 0).all()


def test_a_long_name_is_broken_into_lines():
    short, long = picture([1.0], [0.9]), picture([1.0], [0.9], case="scan_$x$_" * 20)
    assert long.shape[1] == short.shape[1]
    assert long.shape[0] >= short.shape[0] + 2 * 20
    assert (long[:200, -20:] == 0).all()


def test_a_ct_of_512_is_not_made_smaller():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 2, (1, 1, 512, 512)).astype(float)
    drawn = picture([0.0], [0.9], shape=(512, 512), affine=None, image=image)
    top = drawn.shape[0] - 2 * (512 + 10)
    np.testing.assert_array_equal(drawn[top : top + 512, 34 : 34 + 512, 0], 255 * image[0, 0])


def test_pixels_that_are_not_square_keep_their_proportions():
    thick_rows = np.array([[0, -0.5, 0, 0], [-2.0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    drawn = picture([0.0], [0.9], shape=(64, 256), affine=thick_rows, image=np.ones((1, 1, 64, 256)) * np.arange(256))
    height, width = 256, 256  # 128 x 128 mm
    assert drawn.shape[0] - 2 * (height + 10) > 0
    row = drawn[-10 - height // 2, 34 : 34 + width, 0]
    assert (np.diff(row.astype(int)) >= 0).mean() > 0.9
    assert (drawn[-10 - height + 5, 34 + width - 3 : 34 + width] > 240).all()


def inked(drawn, rows, columns):
    return (drawn[rows, columns] > 128).any()


@pytest.mark.parametrize(("affine", "is_marked"), [(PLS, True), (None, False)])
def test_sides_are_marked_where_they_are_known(affine, is_marked):
    drawn = picture([0.0], [0.9], affine=affine)
    tile = drawn[-10 - 256 : -10, 34 : 34 + 256]
    assert inked(tile, slice(110, 146), slice(0, 20)) == is_marked
    assert inked(tile, slice(110, 146), slice(236, 256)) == is_marked


def test_the_mark_follows_the_affine():
    """A raster whose columns run to the right has the mark of the other side: L and R change places."""
    mirrored = PLS @ np.diag([1, -1, 1, 1])
    usual, other = (picture([0.0], [0.9], affine=affine)[-10 - 256 : -10, 34 : 34 + 256] for affine in (PLS, mirrored))
    letters = (
        [tile[110:146, :22].sum() for tile in (usual, other)],
        [tile[110:146, 236:].sum() for tile in (usual, other)],
    )
    assert letters[0][0] > letters[0][1]  # R has more ink than L: it is at the left of the usual raster
    assert letters[1][1] > letters[1][0]


def test_the_channel_is_chosen_and_must_be_there():
    image = np.zeros((1, 2, 16, 16))
    image[0, 1, :8] = 1
    first, last = (picture([0.0], [0.9], image=image, affine=None, channel=channel) for channel in (0, -1))
    assert last.mean() > first.mean()
    with pytest.raises(ValueError, match="shown_channel must be from -2 to 1, got 2"):
        picture([0.0], [0.9], image=image, channel=2)


def test_a_flat_map_has_a_color_bar_too():
    assert picture([0.0], [0.1]).shape[1] == 620
