"""Maps lie where their source lies, for readers of the sform and for readers of the qform."""

import itertools

import nibabel
import numpy as np
import pytest

from bundle.volumes import write_nifti

SHAPE = (5, 6, 7)
CORNERS = np.array([(*corner, 1) for corner in itertools.product(*((0, size - 1) for size in SHAPE))])


def rotation(degrees):
    a, b, c = np.deg2rad(degrees)
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


def affine_of(degrees=(0, 0, 0), zooms=(1, 1, 1), flips=(1, 1, 1), origin=(0, 0, 0)):
    affine = np.eye(4)
    affine[:3, :3] = rotation(degrees) @ np.diag(np.multiply(zooms, flips))
    affine[:3, 3] = origin
    return affine


AFFINES = {
    "oblique": affine_of((20, -35, 50), origin=(-90, 30, 5)),
    "flipped": affine_of(flips=(-1, 1, -1)),
    "anisotropic": affine_of(zooms=(0.47, 0.9, 6.0)),
    "all at once": affine_of((5, 12, -33), (0.7, 1.3, 5.0), (-1, -1, 1), (12, -34, 56)),
    "permuted": affine_of((4, 5, 6), (0.7, 1.3, 5.0))[:, [2, 0, 1, 3]],
    "left-handed": affine_of((5, 12, -33), (0.7, 1.3, 5.0), (-1, 1, 1)),
}


TILT = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, -np.tan(np.radians(20)), 1, 0], [0, 0, 0, 1]])
TILTED = {
    "gantry": TILT.T @ affine_of(zooms=(0.5, 0.5, 5.0), origin=(-60, -60, 30)),
    "gantry, LPS": TILT.T @ affine_of(zooms=(0.5, 0.5, 5.0), flips=(-1, -1, 1)),
    "left-handed": TILT.T @ affine_of(zooms=(0.5, 0.4, 5.0), flips=(-1, 1, 1)),
    "turned": affine_of((10, 20, 30)) @ TILT.T @ affine_of(zooms=(0.5, 0.5, 5.0)),
    "sliced first": (TILT.T @ affine_of(zooms=(0.5, 0.5, 5.0)))[:, [2, 0, 1, 3]],
}


def write_marked(folder, affine):
    volume = np.zeros(SHAPE)
    volume[1, 4, 2] = 0.123456789
    return volume, write_nifti(folder / "map.nii.gz", volume, affine)


def seen_by_itk(file):
    """Return (3, 8), the corners in RAS mm, and the voxels, as SimpleITK reads them."""
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    image = sitk.ReadImage(str(file))
    places = [image.TransformIndexToPhysicalPoint([int(index) for index in corner[:3]]) for corner in CORNERS]
    return np.array(places).T * [[-1], [-1], [1]], sitk.GetArrayFromImage(image).T


@pytest.mark.parametrize("name", AFFINES)
def test_a_marker_voxel_stays_at_its_place_in_both_forms(name, tmp_path):
    affine = AFFINES[name]
    volume, file = write_marked(tmp_path, affine)
    image = nibabel.load(file)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32), volume.astype(np.float32))
    for found in (image.affine, image.get_sform(), image.get_qform()):
        np.testing.assert_allclose(found, affine, atol=1e-5)
    assert image.header["qform_code"] == image.header["sform_code"] == 1
    assert image.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("name", AFFINES)
def test_itk_and_nibabel_agree_at_all_corners(name, tmp_path):
    volume, file = write_marked(tmp_path, AFFINES[name])
    places, voxels = seen_by_itk(file)
    np.testing.assert_allclose(places, (nibabel.load(file).affine @ CORNERS.T)[:3], atol=1e-3)
    np.testing.assert_array_equal(voxels, volume.astype(np.float32))


@pytest.mark.parametrize("name", TILTED)
def test_of_a_tilted_scan_the_slices_keep_their_axes_and_the_middle_one_its_place(name, tmp_path):
    affine = TILTED[name]
    through = 0 if name == "sliced first" else 2
    volume, file = write_marked(tmp_path, affine)
    image = nibabel.load(file)
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    np.testing.assert_allclose(
        np.delete(image.get_qform(), [through, 3], 1), np.delete(affine, [through, 3], 1), atol=1e-3
    )
    places, voxels = seen_by_itk(file)
    np.testing.assert_array_equal(voxels, volume.astype(np.float32))
    true = (affine @ CORNERS.T)[:3]
    first = CORNERS[:, through] == 0
    shift = places - true
    np.testing.assert_allclose(shift[:, first], np.tile(shift[:, first][:, :1], 4), atol=1e-3)  # as a whole
    np.testing.assert_allclose(shift[:, first] + shift[:, ~first], 0, atol=1e-3)  # the middle slice is in its place
    in_plane = np.delete(affine[:3, :3], through, axis=1)
    across = np.cross(*in_plane.T)
    np.testing.assert_allclose(across @ shift, 0, atol=1e-3)  # each slice stays in its plane
    assert np.abs(shift).max() > 1


def test_axes_of_a_slice_that_are_not_orthogonal_still_give_a_file_that_itk_reads(tmp_path):
    affine = affine_of(zooms=(1, 1, 4))
    affine[0, 1] = 0.2
    _, file = write_marked(tmp_path, affine)
    np.testing.assert_allclose(nibabel.load(file).affine, affine, atol=1e-6)
    np.testing.assert_allclose(nibabel.load(file).get_qform()[:, [0, 2]], affine[:, [0, 2]], atol=1e-5)
    seen_by_itk(file)


def test_the_header_says_the_values_and_how_to_show_them(tmp_path):
    file = write_nifti(tmp_path / "a.nii", np.zeros(SHAPE), np.eye(4), description="a map", shown_range=(0.25, 0.75))
    header = nibabel.load(file).header
    assert header["descrip"].item() == b"a map"
    assert (header["cal_min"], header["cal_max"]) == (0.25, 0.75)


@pytest.mark.parametrize(
    ("volume", "affine", "message"),
    [
        (np.zeros((1, 2, 3, 4)), np.eye(4), r"got \(1, 2, 3, 4\) and \(4, 4\)"),
        (np.zeros((2, 3, 4)), np.diag([1, 1, 0, 1]), "must be invertible"),
        (np.zeros((2, 3, 4)), np.full((4, 4), np.nan), "must be invertible"),
    ],
)
def test_what_is_no_grid_is_refused(volume, affine, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_nifti(tmp_path / "map.nii.gz", volume, affine)
    assert not list(tmp_path.iterdir())
