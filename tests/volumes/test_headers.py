"""One rule for headers: check, slices and maps go by the affine that nibabel reads, and odd headers are told."""

import nibabel as nib
import numpy as np
import pytest
from monai.data import MetaTensor
from monai.transforms import Invertd

from bundle.data import check_case
from bundle.transforms import LoadCaseFilesd, SliceVolumed, default_preprocessing
from bundle.volumes import VolumeFile

SHAPE = (10, 40, 32)
# as KiTS stores scans: the first axis runs to the feet
KITS = np.array([[0, 0, -0.703125, 12.0], [0, -0.703125, 0, 34], [-3.0, 0, 0, 5], [0, 0, 0, 1]])
AXIAL = np.diag([-1.0, -1, 4, 1])
OBLIQUE = np.array([[0.31, -0.93, 0.05, 3.3], [0.91, 0.29, -0.4, -7.7], [0.11, 0.17, 3.1, 1.9], [0, 0, 0, 1]])


def written(path, affine, *, sform=1, qform=0, pixdim=None, shape=SHAPE, qaffine=None):
    image = nib.Nifti1Image(np.random.default_rng(0).random(shape).astype(np.float32), affine)
    if qform:
        image.set_qform(affine if qaffine is None else qaffine, code=qform)
    image.set_sform(affine, code=sform)
    if not qform:
        image.header["qform_code"] = 0
        image.header["quatern_b"] = image.header["quatern_c"] = image.header["quatern_d"] = 0
    if pixdim is not None:
        image.header["pixdim"][1:4] = pixdim
    nib.save(image, path)
    return str(path)


def checked(file):
    row, problems = check_case({"image": file, "case": "c", "patient": "p", "site": "s"})
    return row, [(problem.severity, problem.expected) for problem in problems]


ROUNDED = {"affine": KITS, "pixdim": (3, 0.7031, 0.7031)}
PIXDIM, QFORM = "have one voxel size (pixdim) and sform", "have one qform and sform"
HEADERS = {
    "sform only, rounded pixdim": (ROUNDED, []),
    "pixdim says another thickness": (
        {"affine": AXIAL, "pixdim": (1, 1, 1)},
        [PIXDIM],
    ),
    "qform only": ({"affine": KITS, "sform": 0, "qform": 1}, []),
    "qform mirrored": (
        {"affine": AXIAL, "qform": 1, "qaffine": np.diag([1.0, -1, 4, 1])},
        [QFORM],
    ),
    "neither": ({"affine": AXIAL, "sform": 0}, ["say how it lies in the body, by an sform or a qform"]),
    "negative pixdim": ({"affine": AXIAL, "pixdim": (-1, -1, -4)}, []),
    "no number as pixdim": ({"affine": AXIAL, "pixdim": (np.nan, 1, 4)}, []),
    "oblique and sheared": ({"affine": OBLIQUE}, []),
}


@pytest.mark.parametrize("header", HEADERS)
def test_check_slices_and_map_go_by_nibabels_affine(tmp_path, header):
    settings, expected = HEADERS[header]
    file = written(tmp_path / "a.nii.gz", **settings)
    truth = nib.load(file).affine
    row, warnings = checked(file)
    assert warnings == [("warning", text) for text in expected]
    assert row.slices == len(SliceVolumed()({"image": file}))
    np.testing.assert_array_equal(LoadCaseFilesd()({"image": file})["image"].affine.numpy(), truth)
    preprocessing = default_preprocessing()
    case = preprocessing({"image": file})
    turned = case["image"]
    case["pred"] = MetaTensor(turned.as_tensor(), meta=turned.meta, applied_operations=turned.applied_operations)
    back = Invertd(keys="pred", orig_keys="image", transform=preprocessing, nearest_interp=False)(case)["pred"]
    np.testing.assert_array_equal(np.float32(back.affine), np.float32(truth))
    np.testing.assert_array_equal(back[0].numpy(), nib.load(file).get_fdata(dtype=np.float32))


def test_a_scan_that_runs_to_the_feet_has_as_many_slices_as_its_first_axis(tmp_path):
    assert checked(written(tmp_path / "a.nii.gz", **ROUNDED))[0].slices == 10


@pytest.mark.parametrize("entry", [("srow_x", np.nan), ("srow_x", 0)])
def test_an_affine_without_three_directions_is_refused_by_check_and_loader(tmp_path, entry):
    image = nib.Nifti1Image(np.zeros(SHAPE, np.float32), AXIAL)
    image.set_sform(AXIAL, code=1)
    image.header[entry[0]] = entry[1]
    nib.Nifti1Image(np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE), None, image.header).to_filename(
        tmp_path / "a.nii"
    )
    assert checked(str(tmp_path / "a.nii"))[1] == [("error", "have an affine with three directions")]
    with pytest.raises(ValueError, match=r"a\.nii must have an affine with three directions"):
        LoadCaseFilesd()({"image": str(tmp_path / "a.nii")})


def test_an_image_without_orientation_is_named_where_its_mask_lies_elsewhere(tmp_path):
    image = written(tmp_path / "a.nii.gz", AXIAL, sform=0)
    label = str(tmp_path / "m.nii.gz")
    nib.save(nib.Nifti1Image(np.ones(SHAPE, np.uint8), AXIAL), label)
    item = {"image": image, "label": label, "case": "c", "patient": "p", "site": "s"}
    [error] = [problem for problem in check_case(item)[1] if problem.is_error]
    assert error.remedy.startswith("the image's header has no orientation: copy the header")
    with pytest.raises(ValueError, match="the image's header has no orientation: copy the header"):
        LoadCaseFilesd()(item)
    assert len(SliceVolumed(preprocessing=LoadCaseFilesd(mask_grid="by_voxel"))(item)) == SHAPE[2]


def test_channels_whose_pixdim_differs_are_one_scan(tmp_path):
    files = [written(tmp_path / "a.nii.gz", AXIAL), written(tmp_path / "b.nii.gz", AXIAL, pixdim=(1, 1, 1))]
    problems = check_case({"image": files, "case": "c", "patient": "p", "site": "s"}, 2)[1]
    assert [problem.severity for problem in problems] == ["warning"]
    assert LoadCaseFilesd()({"image": files})["image"].shape == (2, *SHAPE)


def test_a_qform_that_is_no_rotation_misleads_nobody(tmp_path):
    file = written(tmp_path / "a.nii", AXIAL, qform=1)
    image = nib.load(file)
    image.header["quatern_b"], image.header["quatern_c"] = 1, 1
    image.to_filename(tmp_path / "b.nii")
    assert VolumeFile.read([tmp_path / "b.nii"]).warnings == ()
