"""Series of scanners become the volumes that dcm2niix makes of them."""

import json
import warnings

import nibabel as nib
import numpy as np
import pytest
from conftest import ROOT

pytest.importorskip("pydicom", minversion="3")
from bundle.dicom import find_stacks, read_headers, read_voxels

FORMATS = ROOT.parent / "shared/data/formats"
REFERENCE = FORMATS / "dicom_qa/reference.json"
EXACT = {
    "ct_philips_tilt_with_scout": ("201_STD_BRAIN_5MM", []),
    "mr_enhanced_philips": ("801_B0_NS_e2_fieldmaphz", ["split", "units"]),
    "mr_enhanced_siemens": ("6_REST1_w_SMS_PF7-8", ["split"]),
    "mr_sagittal_prone": ("2_t1_fl2d_sag", []),
}
pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason="needs ../shared/data/formats/dicom_qa")


def stacks_of(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom on values that a scanner wrote too long
        return find_stacks(read_headers(folder))


def canonical(stack):
    return nib.as_closest_canonical(nib.Nifti1Image(read_voxels(stack.planes), stack.affine))


def means(image):
    data = image.get_fdata()
    return [data.mean(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]


@pytest.mark.parametrize("name", EXACT)
def test_shape_affine_and_intensities_are_those_of_dcm2niix(name):
    series, flags = EXACT[name]
    expected = json.loads(REFERENCE.read_text())[name][series]
    stacks, _ = stacks_of(FORMATS / "dicom_qa" / name)
    stack = stacks[-1] if name == "mr_enhanced_philips" else stacks[0]
    image = canonical(stack)
    assert (list(image.shape), stack.problems, list(stack.flags)) == (expected["ras_shape"], (), flags)
    np.testing.assert_allclose(image.affine, expected["ras_affine"], atol=5e-4)
    for mine, theirs in zip(means(image), expected["ras_mean_along"], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-2)  # dcm2niix scales in single precision


def test_a_tilted_uneven_series_keeps_its_slices_and_says_so():
    expected = json.loads(REFERENCE.read_text())["ct_ge_variable_tilt"]["2_"]
    [stack], _ = stacks_of(FORMATS / "dicom_qa/ct_ge_variable_tilt")
    image = canonical(stack)
    assert (list(image.shape), list(stack.flags)) == (expected["ras_shape"], ["tilt", "uneven"])
    np.testing.assert_allclose(image.affine[:, [0, 1, 3]], np.array(expected["ras_affine"])[:, [0, 1, 3]], atol=5e-4)
    np.testing.assert_allclose(means(image)[2], expected["ras_mean_along"][2], atol=2e-3)


def test_scouts_masks_contours_and_mosaics_are_not_mixed_in():
    reasons = {}
    for name in ("dicom_qa/ct_philips_tilt_with_scout", "dicom/ct_3slice_liver_seg", "dicom/ct_lung_ibsi1"):
        stacks, asides = stacks_of(FORMATS / name)
        assert len(stacks) == 1
        reasons[name] = {aside.reason for aside in asides if aside.kind == "set aside"}
    scout, mask, contours = reasons.values()
    assert "scout" in scout
    assert (mask, contours) == ({"Segmentation Storage"}, {"RT Structure Set Storage"})
    stacks, asides = stacks_of(FORMATS / "dicom_qa/mr_12bit")
    assert (stacks, {aside.kind for aside in asides}) == ([], {"refused"})


@pytest.mark.parametrize(
    "name", ["implicit_vr", "compressed_rle", "compressed_j2k", "compressed_jpegls", "compressed_jpeg"]
)
def test_every_encoding_is_read_or_its_decoder_named(name):
    [stack], _ = stacks_of(FORMATS / "dicom/nasty" / name)
    if stack.problems:
        assert [problem.remedy for problem in stack.problems] == ["pip install python-gdcm"]
        pytest.skip(f"{name} needs python-gdcm")
    assert read_voxels(stack.planes).mean() == pytest.approx(127, abs=1)
