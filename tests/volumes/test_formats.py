"""Every format is read or refused in its own words, and damage is called so only where it is."""

import sys

import nibabel as nib
import numpy as np
import pytest

from bundle.data import check_case
from bundle.transforms import LoadCaseFilesd
from bundle.volumes import CaseFiles, VolumeFile, read_volume
from bundle.volumes.volume_file import VOLUME_SUFFIXES

VOXELS = np.random.default_rng(0).random((12, 10, 6)).astype(np.float32)
AFFINE = np.array([[-1.0, 0, 0, 5], [0, -1.5, 0, 6], [0, 0, 4, -7], [0, 0, 0, 1]])
NIBABEL = {".nii": nib.Nifti1Image, ".nii.gz": nib.Nifti2Image, ".mgz": nib.MGHImage, ".mgh": nib.MGHImage}
PAIRS = {".hdr": nib.Nifti1Pair, ".img": nib.Nifti1Pair}
ITK = (".nrrd", ".mha", ".mhd")


def save(path, voxels=VOXELS, compressed=False):
    suffix = "".join(path.suffixes)
    if suffix in ITK:
        itk = pytest.importorskip("SimpleITK")
        image = itk.GetImageFromArray(np.moveaxis(voxels.T, 0, -1) if voxels.ndim == 4 else voxels.T)
        image.SetSpacing((1.0, 1.5, 4.0))
        image.SetOrigin((-5.0, -6.0, -7.0))
        itk.WriteImage(image, str(path), compressed)
    else:
        kind = {**NIBABEL, **PAIRS}[suffix]
        nib.save(kind(voxels, AFFINE), path.with_suffix(".img") if suffix in PAIRS else path)
    return str(path)


def problems_of(path):
    return [problem.text for problem in CaseFiles().channels([path])[1]]


@pytest.mark.parametrize("suffix", [*NIBABEL, *PAIRS, *ITK])
def test_every_format_gives_the_same_volume(tmp_path, suffix):
    volume = read_volume(save(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(volume[0].numpy(), VOXELS)
    np.testing.assert_allclose(volume.affine, AFFINE)
    assert suffix in VOLUME_SUFFIXES or suffix == ".img"


@pytest.mark.parametrize("suffix", [".nii.gz", ".mgz", ".mha", ".nrrd"])
def test_a_flipped_byte_is_found(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", compressed=True)
    content = bytearray((tmp_path / f"a{suffix}").read_bytes())
    content[len(content) // 2] ^= 0x10
    (tmp_path / f"a{suffix}").write_bytes(content)
    [text] = problems_of(path)
    assert "must be a whole file" in text
    assert "truncated or damaged" in text
    with pytest.raises(ValueError, match="truncated or damaged"):
        LoadCaseFilesd()({"image": path})


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mgz", ".mha", ".nrrd"])
@pytest.mark.parametrize("kept", [0, 30, 1500, -2])
def test_a_truncated_file_is_found(tmp_path, suffix, kept):
    path = save(tmp_path / f"a{suffix}")
    (tmp_path / f"a{suffix}").write_bytes((tmp_path / f"a{suffix}").read_bytes()[:kept])
    [text] = problems_of(path)
    assert "truncated or damaged" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("page.nii.gz", "must be compressed, as its name says, got another content: take away .gz"),
        ("page.nii", "must be a readable volume, got ImageFileError"),
        ("page.mha", "must be a"),
        ("page.dcm", "must be a volume, got a single DICOM file"),
    ],
)
def test_another_content_is_not_called_damage(tmp_path, name, words):
    if name.endswith(".mha"):
        pytest.importorskip("SimpleITK")
    (tmp_path / name).write_text("<html>not found</html>" * 30)
    [text] = problems_of(tmp_path / name)
    assert words in text
    assert ("damaged" in text) is (name == "page.mha" and "whole" in text)


def test_half_of_a_pair_is_named(tmp_path):
    path = save(tmp_path / "a.hdr")
    (tmp_path / "a.img").unlink()
    [text] = problems_of(path)
    assert "copy both files of the pair" in text


def test_analyze_knows_no_orientation(tmp_path):
    nib.save(nib.AnalyzeImage(VOXELS, np.diag([-1.0, 1, 1, 1])), tmp_path / "a.img")
    volume = VolumeFile.read([tmp_path / "a.hdr"])
    assert (volume.oriented, len(volume.warnings)) == (False, 1)


@pytest.mark.parametrize(("suffix", "package"), [(".mha", "SimpleITK"), (".nrrd", "SimpleITK")])
def test_a_missing_package_is_named(tmp_path, monkeypatch, suffix, package):
    path = save(tmp_path / f"a{suffix}")
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    monkeypatch.setitem(sys.modules, "nrrd", None)
    monkeypatch.setattr("bundle.volumes.other_formats.find_spec", lambda _: None)
    [text] = problems_of(path)
    assert f"pip install {package}" in text
    assert "damaged" not in text


@pytest.mark.parametrize("layers", [1, 2])
def test_pynrrd_reads_the_same_as_simpleitk(tmp_path, monkeypatch, layers):
    pytest.importorskip("nrrd")
    voxels = VOXELS if layers == 1 else np.stack([VOXELS, -VOXELS], axis=-1)
    path = save(tmp_path / "a.nrrd", voxels)
    expected = VolumeFile.read([path])
    monkeypatch.setattr("bundle.volumes.other_formats.find_spec", lambda _: None)
    found = VolumeFile.read([path])
    np.testing.assert_array_equal(found.data, expected.data)
    np.testing.assert_allclose(found.affine, expected.affine)


def test_a_nrrd_without_three_axes_in_space_is_refused(tmp_path, monkeypatch):
    nrrd = pytest.importorskip("nrrd")
    nrrd.write(str(tmp_path / "flat.nrrd"), VOXELS[..., 0])
    monkeypatch.setattr("bundle.volumes.other_formats.find_spec", lambda _: None)
    [text] = problems_of(tmp_path / "flat.nrrd")
    assert "must have three axes in space, got 2" in text


def test_layers_of_a_segmentation_are_not_called_damage(tmp_path):
    mask = save(tmp_path / "m.nrrd", np.stack([VOXELS > 0.5, VOXELS > 0.9], axis=-1).astype(np.uint8))
    item = {"image": save(tmp_path / "a.nii"), "label": mask, "case": "c", "patient": "p", "site": "s"}
    [problem] = check_case(item)[1]
    assert problem.found == "2 layers or channels, shape (12, 10, 6, 2)"
    assert problem.remedy.startswith("merge its layers")


def test_vectors_of_itk_are_channels(tmp_path):
    nib.save(nib.Nifti1Image(np.stack([VOXELS, -VOXELS], -1)[:, :, :, None], AFFINE), tmp_path / "a.nii.gz")
    assert read_volume(tmp_path / "a.nii.gz").shape == (2, 12, 10, 6)


@pytest.mark.parametrize("dtype", [np.complex64, [("R", "u1"), ("G", "u1"), ("B", "u1")]])
def test_what_are_no_plain_numbers_is_refused_by_check_and_loader(tmp_path, dtype):
    nib.save(nib.Nifti1Image(np.zeros(VOXELS.shape, dtype), AFFINE), tmp_path / "a.nii.gz")
    item = {"image": str(tmp_path / "a.nii.gz"), "case": "c", "patient": "p", "site": "s"}
    [problem] = check_case(item)[1]
    with pytest.raises(ValueError, match=r"a\.nii\.gz must hold numbers, got voxels of type"):
        LoadCaseFilesd()(item)
    assert problem.expected == "hold numbers"


def test_numbers_beyond_float32_are_refused_by_check_and_loader(tmp_path):
    voxels = VOXELS.astype(np.float64)
    voxels[1, 2, 3] = 1e39
    nib.save(nib.Nifti1Image(voxels, AFFINE), tmp_path / "a.nii")
    item = {"image": str(tmp_path / "a.nii"), "case": "c", "patient": "p", "site": "s"}
    assert [problem.found for problem in check_case(item)[1]] == ["1e+39"]
    with pytest.raises(ValueError, match="must hold numbers that fit float32, got 1e"):
        LoadCaseFilesd()(item)
