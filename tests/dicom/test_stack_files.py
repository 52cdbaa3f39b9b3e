"""Volumes saved slice by slice, and pixels that pydicom does not decode, are those that they would be."""

from itertools import product

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3")
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from support.dicom_files import image_header, save
from support.dicom_series import series

from bundle.dicom import find_stacks, read_headers
from bundle.dicom.stack_files import read_stack, save_slices, save_volume, write_stack
from bundle.volumes.dicom_series.plain_pixels import plain_pixels, read_plain
from bundle.volumes.problem import FileProblem

NOISE = np.random.default_rng(0).integers(0, 256, 2 * 4 * 5, dtype=np.uint8).tobytes()


def image(**more):
    found = image_header("1.2.4.1", uid.CTImageStorage, more.pop("syntax", uid.ExplicitVRLittleEndian), **more)
    found.PixelData = NOISE
    return found


def both(found, folder):
    """Return intensities and whether they were read without a decoder, and intensities by pydicom."""
    path = save(found, folder)
    header = dcmread(path, stop_before_pixels=True)
    plain = plain_pixels(header)
    ours = plain and read_plain(path.read_bytes(), found.SOPInstanceUID, (found.Rows, found.Columns), plain)
    return (None if ours is None else ours + plain.intercept), dcmread(path)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_plain_pixels_are_those_of_pydicom_whatever_lies_in_the_bits_that_are_not_stored(syntax, tmp_path):
    for bits, signed in product(range(1, 17), (0, 1)):
        found = image(syntax=syntax, BitsStored=bits, HighBit=bits - 1, PixelRepresentation=signed)
        ours, theirs = both(found, tmp_path)
        assert ours is not None
        assert ours.tolist() == theirs.pixel_array.tolist()


@pytest.mark.parametrize(
    "more",
    [
        {"syntax": uid.ExplicitVRBigEndian},
        {"BitsAllocated": 8},
        {"BitsStored": 0},
        {"BitsStored": 17},
        {"BitsStored": None},
        {"BitsStored": [12, 12]},
        {"SamplesPerPixel": 3},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PixelRepresentation": None},
        {"PixelRepresentation": 2},
        {"NumberOfFrames": 2},
        {"Rows": 5},
        {"Columns": 4},
        {"Columns": 0},
        {"RescaleSlope": 2, "RescaleIntercept": 0},
        {"RescaleSlope": 1, "RescaleIntercept": 0.5},
        {"RescaleSlope": 1},
        {"RescaleIntercept": -1024},
        {"RescaleSlope": 1, "RescaleIntercept": [1, 2]},
        {"ModalityLUTSequence": [Dataset()]},
        {"DataSetTrailingPadding": b"ab"},
    ],
    ids=str,
)
def test_other_pixels_are_left_to_pydicom(more, tmp_path):
    ours, _ = both(image(**more), tmp_path)
    assert ours is None


def only_stack(folder):
    [[stack], _] = find_stacks(read_headers(folder))
    return stack


@pytest.mark.parametrize("scale", [(1, 0), (1, -1024), (2, 0)])
def test_slices_saved_one_by_one_are_the_same_file(tmp_path, scale):
    series(tmp_path / "in", scale=scale)
    stack = only_stack(tmp_path / "in")
    assert save_slices(tmp_path / "ours.nii", stack)
    save_volume(tmp_path / "theirs.nii", read_stack(stack), stack.affine)
    assert (tmp_path / "ours.nii").read_bytes() == (tmp_path / "theirs.nii").read_bytes()


def test_numbers_that_are_no_int16_are_saved_as_what_they_are(tmp_path):
    series(tmp_path / "in", offset=40000)
    stack = only_stack(tmp_path / "in")
    assert not save_slices(tmp_path / "ours.nii", stack)
    write_stack(stack, tmp_path / "out")
    save_volume(tmp_path / "theirs.nii", read_stack(stack), stack.affine)
    assert read_stack(stack).dtype == np.uint16
    assert (tmp_path / "out/volume.nii").read_bytes() == (tmp_path / "theirs.nii").read_bytes()


def test_a_stack_that_cannot_be_read_leaves_no_folder(tmp_path):
    files = series(tmp_path / "in")
    stack = only_stack(tmp_path / "in")
    files[-1].write_bytes(files[-1].read_bytes()[:-9])
    with pytest.raises(FileProblem, match="must hold whole pixel data"):
        write_stack(stack, tmp_path / "out")
    files[0].unlink()
    with pytest.raises(FileProblem, match="must hold whole pixel data"):
        write_stack(stack, tmp_path / "out")
    assert not (tmp_path / "out").exists()
