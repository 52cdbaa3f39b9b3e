"""Regions of a map: what belongs together, what is left out, and how it is scored."""

import numpy as np
import pytest

from bundle.findings import FindingRule, find_regions

RULE = FindingRule(map_threshold=0.5)


def regions(volume, probability, rule=RULE, voxel_mm3=1.0):
    return find_regions(np.asarray(volume, dtype=np.float32), probability, 0.5, rule, voxel_mm3)


def test_nothing_is_found_in_negative_slices_or_below_the_threshold():
    assert len(regions(np.ones((3, 3, 4)), [0.4] * 4)) == 0
    nothing = regions(np.full((3, 3, 4), 0.49), [0.9] * 4)
    assert (len(nothing), nothing.labels.max()) == (0, 0)


def test_a_negative_slice_divides_a_region():
    found = regions(np.ones((2, 2, 5)), [0.9, 0.9, 0.1, 0.8, 0.8])
    assert found.labels[0, 0].tolist() == [1, 1, 0, 2, 2]
    assert found.score == pytest.approx([0.9, 0.8])


def test_voxels_that_share_a_corner_are_one_region():
    volume = np.zeros((3, 3, 3))
    volume[0, 0, 0] = volume[1, 1, 1] = volume[2, 2, 2] = 1
    assert len(regions(volume, [0.9] * 3)) == 1


def test_two_regions_of_one_run_and_one_of_another_have_scores_of_their_own():
    volume = np.zeros((4, 4, 6))
    volume[0, 0, 1:3], volume[3, 3, 2], volume[1:3, 1:3, 5] = 0.75, 1.0, 0.5
    found = regions(volume, [0.1, 0.6, 0.8, 0.1, 0.1, 0.6])
    assert found.score == pytest.approx([0.8, 0.6, 0.3])
    assert found.voxels.tolist() == [1, 2, 4]
    assert [found.labels[3, 3, 2], found.labels[0, 0, 1], found.labels[0, 0, 2], found.labels[1, 2, 5]] == [1, 2, 2, 3]
    assert np.count_nonzero(found.labels) == 7


def test_the_order_in_memory_changes_nothing():
    volume = np.random.default_rng(0).random((7, 6, 5), dtype=np.float32)
    by_slices = np.moveaxis(np.ascontiguousarray(np.moveaxis(volume, -1, 0)), 0, -1)
    one, other = (regions(each, [0.9, 0.2, 0.8, 0.7, 0.6], FindingRule(0.8)) for each in (volume, by_slices))
    for name in ("labels", "score", "voxels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert len(one) > 3


def test_the_smallest_volume_is_in_millilitres_and_numbers_have_no_gap():
    volume = np.zeros((9, 9, 1))
    volume[0, 0] = volume[8, :2, 0] = volume[4, :5, 0] = 1
    rule = FindingRule(map_threshold=0.5, minimum_ml=0.2)
    found = regions(volume, [1.0], rule, voxel_mm3=100.0)
    assert found.voxels.tolist() == [5, 2]
    assert sorted(np.unique(found.labels)) == [0, 1, 2]


def test_a_map_without_a_natural_scale_is_scaled_before():
    volume = np.zeros((4, 4, 1))
    volume[0, 0], volume[3, 3] = 30, 20
    found = regions(volume, [0.8], FindingRule(map_threshold=0.6, map_scale=(10, 20)))
    assert found.score == pytest.approx([0.8, 0.8])


@pytest.mark.parametrize(
    "entries",
    [
        {},
        0.5,
        {"map_threshold": 0.5, "radius": 1},
        {"map_threshold": 0.0},
        {"map_threshold": float("nan")},
        {"map_threshold": "high"},
        {"map_threshold": 0.5, "minimum_ml": -1},
        {"map_threshold": 0.5, "map_scale": [1, 1]},
        {"map_threshold": 0.5, "map_scale": [1]},
        {"map_threshold": 0.5, "map_scale": None},
    ],
)
def test_a_malformed_rule_is_refused(entries):
    with pytest.raises(ValueError, match=r"finding_rule must hold .* take the entries that scripts/score_findings.py"):
        FindingRule.read(entries)


def test_a_rule_comes_back_from_its_entries():
    rule = FindingRule(0.25, 0.5, (1.0, 2.0))
    assert FindingRule.read(rule.entries()).entries() == rule.entries()
