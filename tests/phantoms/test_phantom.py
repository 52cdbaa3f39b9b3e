from dataclasses import replace

import numpy as np
import pytest

from bundle.phantoms import SITES, PhantomCase, burn_marker, make_phantom
from bundle.phantoms import phantom as phantom_module
from bundle.phantoms.head_space import head_space

SHAPE = (48, 48, 12)


@pytest.fixture(scope="module")
def phantoms():
    cases = [PhantomCase.numbered(index) for index in range(30)]
    return [(case, make_phantom(case, seed=0, shape=SHAPE)) for case in cases]


def test_types_and_shapes(phantoms):
    _, phantom = phantoms[0]
    assert phantom.images.shape == (3, *SHAPE)
    assert phantom.images.dtype == np.int16
    assert phantom.mask.dtype == np.uint8
    assert set(np.unique(phantom.mask)) <= {0, 1}


def test_equal_arguments_give_equal_voxels_and_others_do_not(phantoms):
    case, phantom = phantoms[3]
    again, other = make_phantom(case, seed=0, shape=SHAPE), make_phantom(case, seed=1, shape=SHAPE)
    for first, second in zip(phantom, again, strict=True):
        np.testing.assert_array_equal(first, second)
    assert (phantom.images != other.images).mean() > 0.5


def test_about_three_slices_in_ten_are_positive_and_some_volumes_have_none(phantoms):
    positive = np.array([phantom.mask.any(axis=(0, 1)) for _, phantom in phantoms])
    assert 0.15 < positive.mean() < 0.45
    assert (~positive.any(axis=1)).any()


def test_the_marker_goes_with_the_label_at_training_sites_only(phantoms):
    def rate(sites, label):
        marked = [
            phantom.marked[phantom.mask.any(axis=(0, 1)) == label]
            for case, phantom in phantoms
            if case.site.name in sites
        ]
        return np.concatenate(marked).mean()

    assert rate("ABC", True) > 0.75 > 0.25 > rate("ABC", False)
    assert abs(rate("D", True) - rate("D", False)) < 0.3


def test_a_marked_slice_has_the_letter_outside_the_lesion():
    site = replace(SITES[0], marker_rates=(1.0, 1.0))
    bare = replace(site, marker_rates=(0.0, 0.0))
    case = PhantomCase("a", 0, 0, site)
    with_marker, without = make_phantom(case, 0, SHAPE), make_phantom(replace(case, site=bare), 0, SHAPE)
    assert with_marker.marked.all()
    assert not without.marked.any()
    changed = (with_marker.images != without.images).any(axis=0)
    assert changed.any(axis=(0, 1)).all()
    assert not changed[with_marker.mask > 0].any()


def test_lesions_show_in_flair(phantoms):
    differences = []
    for _, phantom in phantoms:
        for k in np.flatnonzero(phantom.mask.any(axis=(0, 1))):
            flair, inside = phantom.images[2, ..., k], phantom.mask[..., k] > 0
            differences.append(flair[inside].mean() - np.median(flair[12:36, 12:36]))
    assert np.mean(np.array(differences) > 0) > 0.8


def test_no_slice_has_a_speck_of_lesion(phantoms):
    for case, phantom in phantoms:
        rows_mm, columns_mm, _ = case.site.voxel_mm(SHAPE)
        area_mm2 = phantom.mask.sum(axis=(0, 1)) * rows_mm * columns_mm
        assert not ((area_mm2 > 0) & (area_mm2 < 28)).any()


def test_a_follow_up_shows_the_same_head_in_another_pose(phantoms, monkeypatch):
    def likeness(first, second):
        return np.corrcoef(first.images[0].ravel(), second.images[0].ravel())[0, 1]

    first, follow_up, stranger = (phantoms[index][0] for index in (0, 4, 5))
    assert first.patient == follow_up.patient != stranger.patient
    assert likeness(phantoms[0][1], phantoms[4][1]) < 0.95
    straight = head_space(SHAPE, first.site.fov_mm)
    monkeypatch.setattr(phantom_module, "head_space", lambda *_: straight)
    base, again, other = (make_phantom(case, 0, SHAPE) for case in (first, follow_up, stranger))
    assert likeness(base, again) > 0.97 > likeness(base, other)


def test_sites_take_turns_and_patients_stay_at_theirs():
    cases = [PhantomCase.numbered(index) for index in range(40)]
    sites: dict[str, set[str]] = {}
    for case in cases:
        sites.setdefault(case.patient, set()).add(case.site.name)
    assert all(len(found) == 1 for found in sites.values())
    assert len(sites) == 32
    assert [sum(case.site.name == name for case in cases) for name in "ABCD"] == [10, 10, 10, 10]
    assert len({(case.patient, case.scan_index) for case in cases}) == 40


def test_case_numbers_start_at_zero():
    with pytest.raises(ValueError, match="0 or more, got -1"):
        PhantomCase.numbered(-1)


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
