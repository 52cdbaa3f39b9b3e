"""A table of series: each comes out right, right with a flag, or refused with a reason; none is silently wrong.

`pytest tests/dicom/test_series_table.py -s` prints it; docs/reference/dicom-series.md keeps it.
"""

import shutil
import subprocess
import warnings

import nibabel as nib
import numpy as np
import pytest
from conftest import ROOT

pytest.importorskip("pydicom", minversion="3")
from support.dicom_series import NEEDS, SERIES, outcome, place, truth

from bundle.dicom import find_stacks, read_headers, read_voxels

PAGE = ROOT / "docs/reference/dicom-series.md"
FORMATS = ROOT.parent / "shared/data/formats"
OF_SCANNERS = {
    "dicom/ct_lung_ibsi1": ("flag", "numbers"),
    "dicom/ct_3slice_liver_seg": ("right", ""),
    "dicom/mr_gbm_PGBM-003/T1": ("right", ""),
    "dicom/mr_gbm_PGBM-003/FLAIR": ("right", ""),
    **{f"dicom/nasty/compressed_{name}": ("right", "") for name in ("rle", "jpeg", "jpegls", "j2k")},
    "dicom/nasty/explicit_vr_reference": ("right", ""),
    "dicom/nasty/implicit_vr": ("right", ""),
    "dicom/nasty/ct_gantry_tilt": ("flag", "tilt"),
    "dicom/nasty/non_isotropic_float_slope": ("right", ""),
    "dicom_qa/ct_ge_variable_tilt": ("flag", "tilt uneven"),
    "dicom_qa/ct_philips_tilt_with_scout": ("right", ""),
    "dicom_qa/mr_12bit": ("refused", "mosaics"),
    "dicom_qa/mr_enhanced_philips": ("flag", "split units"),
    "dicom_qa/mr_enhanced_siemens": ("flag", "split"),
    "dicom_qa/mr_mosaic": ("refused", "mosaics"),
    "dicom_qa/mr_sagittal_prone": ("right", ""),
}
"""Series of scanners, with the outcome and the flags or words of the reason."""


@pytest.fixture
def read(tmp_path):
    def result(name):
        folder = tmp_path / "in"
        folder.mkdir()
        for words, package in NEEDS.items():
            if words in name:
                pytest.importorskip(package)
        SERIES[name].write(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return outcome(*find_stacks(read_headers(folder)), read_voxels)

    return result


def right(stack, volume):
    """Return whether every pixel is the one of its place, by the planes and, but for uneven ones, by the affine."""
    i, j = np.indices(volume.shape[:2])
    for k, plane in enumerate(stack.planes):
        places = place(i, j, plane.position, plane.orientation)
        off = volume[:, :, k] - truth(*np.moveaxis(places, -1, 0))
        if np.ptp(off) != 0 or off[0, 0] not in (0, 0.25, 9):  # some are brighter, see SERIES
            return False
        by_affine = np.stack([i, j, np.full_like(i, k), np.ones_like(i)], -1) @ (stack.affine.T)[:, :3] * [-1, -1, 1]
        if "uneven" not in stack.flags and np.abs(by_affine - places).max() > 1e-3:
            return False
    return True


@pytest.mark.parametrize("name", SERIES)
def test_no_series_is_silently_wrong(name, read, tmp_path):
    expected = SERIES[name]
    kind, words, volumes = read(name)
    assert (kind, all(right(*volume) for volume in volumes)) == (expected.outcome, True)
    text = " ".join(words)
    if kind == "refused":
        assert expected.words in text
    else:
        assert (set(words), len(volumes)) == (set(expected.words.split()), expected.stacks)
    keep(name, kind, expected.words, compared(tmp_path / "in", volumes, tmp_path))


@pytest.mark.skipif(not FORMATS.exists(), reason="needs ../shared/data/formats")
@pytest.mark.parametrize("name", OF_SCANNERS)
def test_series_of_scanners_come_out_as_the_table_says(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind, words, volumes = outcome(*find_stacks(read_headers(FORMATS / name)), read_voxels)
    expected, text = OF_SCANNERS[name]
    assert kind == expected
    assert text in words[0] if kind == "refused" else words == text.split()
    keep(name, kind, text, compared(FORMATS / name, volumes, tmp_path))


def keep(name, kind, words, theirs):
    """Print a row and require it in the page; where dcm2niix is not installed, its column is not compared."""
    row = f"| {name} | {kind} | {', '.join(words.split()) if kind == 'flag' else words} | {theirs}"
    print(row)
    assert row in PAGE.read_text(encoding="utf-8")


def compared(folder, volumes, scratch):
    """Return how dcm2niix sees a folder: its volume against ours, both turned to the same orientation."""
    if not shutil.which("dcm2niix"):
        return ""
    out = scratch / "out"
    out.mkdir()
    command = ["dcm2niix", "-b", "n", "-z", "n", "-f", "%s_%t", "-p", "n", "-o", out, folder]  # modality LUT alone
    subprocess.run(command, capture_output=True, check=False, timeout=60)
    files = [file for file in out.glob("*.nii") if "_Tilt" not in file.name]  # a tilted one also comes resampled
    if len(files) != 1 or len(volumes) != 1:
        # how many it makes of files that were decoded one by one depends on the second of their making
        return f"{('no volume', '1 volume', 'several volumes')[min(len(files), 2)]} |"
    theirs = nib.as_closest_canonical(nib.load(files[0]))
    mine = nib.as_closest_canonical(nib.Nifti1Image(volumes[0][1].astype(np.float32), volumes[0][0].affine))
    if mine.shape != theirs.shape:
        return "another shape |"
    if not np.allclose(mine.get_fdata(), theirs.get_fdata(), rtol=1e-6):
        return "other pixels |"
    return "equal |" if np.abs(mine.affine - theirs.affine).max() < 1e-3 else "another affine |"
