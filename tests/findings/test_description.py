"""Place, size and outline of findings, also on a tilted grid."""

import json
import tracemalloc

import nibabel
import numpy as np
import pytest
from matplotlib.path import Path as Polygon
from support.volumes import affine_of

from bundle.findings import FindingRule, describe_regions, find_regions

AFFINE = affine_of("LPS", (0.7, 1.3, 4.0), tilt_deg=12.0)


def described(volume, probability, affine=AFFINE, **options):
    found = find_regions(volume, probability, 0.5, FindingRule(0.5), voxel_mm3=1.0)
    return describe_regions(found, probability, affine, **options)


@pytest.fixture
def box():
    volume = np.zeros((8, 9, 5))
    volume[2:5, 3:7, 1:4] = 1
    volume[2:6, 3:7, 2] = 1
    return volume


def test_place_and_size(box):
    found = described(box, [0.9, 0.6, 0.7, 0.8, 0.1])[0]
    voxels = np.argwhere(box)
    centroid = nibabel.affines.apply_affine(AFFINE, voxels).mean(axis=0)
    assert found["centroid_ras_mm"] == pytest.approx(centroid, abs=2e-3)
    assert found["centroid_lps_mm"] == pytest.approx(centroid * [-1, -1, 1], abs=2e-3)
    assert found["volume_mm3"] == pytest.approx(len(voxels) * abs(np.linalg.det(AFFINE[:3, :3])), abs=1e-3)
    assert found["volume_ml"] == pytest.approx(found["volume_mm3"] / 1000)
    assert found["extent_mm"] == pytest.approx(np.array([4, 4, 3]) * np.linalg.norm(AFFINE[:3, :3], axis=0), abs=1e-3)
    assert (found["first_slice"], found["key_slice"], found["last_slice"], found["voxels"]) == (1, 2, 3, len(voxels))
    assert found["probability"] == 0.8
    json.dumps(found)


def test_of_equally_large_slices_the_most_probable_is_the_key_slice():
    volume = np.ones((2, 2, 3))
    assert described(volume, [0.6, 0.9, 0.7])[0]["key_slice"] == 1


def test_the_contour_goes_around_the_region_on_the_key_slice(box):
    (polygon,) = (found := described(box, [0.9] * 5)[0])["contours"]
    assert polygon[0] == polygon[-1]
    rows, columns = np.mgrid[:8, :9]
    inside = Polygon(polygon).contains_points(np.stack([rows.ravel(), columns.ravel()], axis=1)).reshape(8, 9)
    np.testing.assert_array_equal(inside, box[..., 2] > 0)
    points = np.array([[*point, found["key_slice"]] for point in polygon])
    np.testing.assert_allclose(found["contours_ras_mm"][0], nibabel.affines.apply_affine(AFFINE, points), atol=1e-3)


def test_a_region_at_the_border_and_one_with_a_hole_have_closed_contours():
    volume = np.ones((5, 5, 1))
    volume[2, 2] = 0
    polygons = described(volume, [1.0])[0]["contours"]
    assert len(polygons) == 2
    assert all(polygon[0] == polygon[-1] for polygon in polygons)


def test_a_single_voxel_has_a_size():
    volume = np.zeros((3, 3, 2))
    volume[1, 1, 1] = 1
    found = described(volume, [1.0, 1.0], np.diag([2.0, 2.0, 5.0, 1.0]))[0]
    assert (found["extent_mm"], found["volume_ml"]) == ([2, 2, 5], 0.02)
    assert found["diameter_mm"] == pytest.approx(2.0)


def test_a_ragged_outline_takes_little_memory():
    volume = np.zeros((100, 100, 1))
    volume[:, :, 0] = np.random.default_rng(0).random((100, 100)) > 0.3
    tracemalloc.start()
    found = described(volume, [1.0], np.eye(4))[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    assert found["diameter_mm"] == pytest.approx(100 * 2**0.5, abs=6)


def test_what_the_file_does_not_tell_is_left_open(box):
    no_place, no_size = described(box, [0.9] * 5, has_place=False)[0], described(box, [0.9] * 5, None)[0]
    assert no_place["volume_ml"] > 0
    for entry in ("centroid_ras_mm", "centroid_lps_mm", "contours_ras_mm"):
        assert no_place[entry] is no_size[entry] is None
    assert no_size["volume_mm3"] is no_size["diameter_mm"] is no_size["extent_mm"] is None
    assert no_size["contours"]
