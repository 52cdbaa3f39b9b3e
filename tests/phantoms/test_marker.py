import numpy as np
import pytest

from bundle.phantoms import burn_marker


@pytest.mark.parametrize("seed", range(5))
def test_the_letter_lies_where_it_is_free_and_changes_nothing_else(seed):
    images = np.random.default_rng(seed).uniform(1, 9, size=(3, 48, 60))
    before = images.copy()
    free = np.zeros((48, 60), dtype=bool)
    free[:16, :20] = True
    burned = burn_marker(np.random.default_rng(seed), images, free)
    assert burned.any()
    assert not burned[~free].any()
    np.testing.assert_array_equal(images[:, ~burned], before[:, ~burned])
    np.testing.assert_array_equal(images[:, burned], np.repeat(before.max(axis=(1, 2))[:, None], burned.sum(), axis=1))


def test_the_letter_is_an_l_in_the_first_corner():
    burned = burn_marker(np.random.default_rng(0), np.ones((3, 48, 48)), np.ones((48, 48), dtype=bool))
    rows, columns = np.nonzero(burned)
    assert max(rows.max(), columns.max()) < 48 / 4
    letter = burned[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    np.testing.assert_array_equal(letter, [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]])


def test_the_place_shifts_a_little():
    places = {
        tuple(np.argwhere(burn_marker(np.random.default_rng(seed), np.ones((3, 96, 96)), np.ones((96, 96), bool)))[0])
        for seed in range(10)
    }
    assert len(places) > 5


@pytest.mark.parametrize("free", [np.zeros((48, 48), dtype=bool), np.ones((3, 48), dtype=bool)])
def test_no_room_no_marker(free):
    images = np.ones((3, *free.shape))
    assert not burn_marker(np.random.default_rng(0), images, free).any()
