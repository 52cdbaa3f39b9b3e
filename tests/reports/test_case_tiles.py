"""The contact sheet shows every case, also those that cannot be read."""

import locale

import nibabel as nib
import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from bundle.reports import contact_sheet
from bundle.reports.case_tiles import _slice_and_mask
from bundle.volumes import VOLUME_SUFFIXES, MaskValues, VolumeFile

MAGENTA = np.array([1, 0, 1])
RED = np.array([1, 0, 0])


def draw(tmp_path, items, **options) -> np.ndarray:
    contact_sheet(items, tmp_path / "new" / "sheet.png", **options)
    return np.asarray(Image.open(tmp_path / "new" / "sheet.png").convert("RGB")).astype(int)


def near(pixels: np.ndarray, color: np.ndarray) -> np.ndarray:
    # Lines are blended with what lies below them, so their color is judged by contrast between the three.
    return pixels[..., color == 1].min(axis=2) - pixels[..., color == 0].max(axis=2) > 60


def save(path, data, affine=None) -> str:
    nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
    return str(path)


def test_mask_is_outlined_on_its_own_slice_at_left_and_front(tmp_path):
    # RAS file: a high first index is the patient's right, shown on the left; a high second one is the front, on top.
    image = np.random.default_rng(0).random((40, 40, 4)).astype(np.float32)
    mask = np.zeros((40, 40, 4), np.uint8)
    mask[28:36, 28:36, 3] = 1
    item = {"image": save(tmp_path / "a.nii", image), "label": save(tmp_path / "m.nii", mask), "case": "a"}
    rows, columns = np.nonzero(near(draw(tmp_path, [item]), MAGENTA))
    assert rows.size > 20
    assert rows.max() < 172 / 2
    assert columns.max() < 150 / 2


def test_only_what_makes_a_slice_positive_is_outlined(tmp_path):
    image = np.random.default_rng(0).random((40, 40, 4)).astype(np.float32)
    organ = np.zeros((40, 40, 4), np.uint8)
    organ[4:36, 4:36] = 1
    item = {"image": save(tmp_path / "a.nii", image), "label": save(tmp_path / "m.nii", organ), "case": "a"}
    assert near(draw(tmp_path, [item]), MAGENTA).any()
    assert not near(draw(tmp_path, [item], positive_above=1), MAGENTA).any()


@pytest.mark.parametrize("kind", ["no mask", "empty mask", "other shape", "broken mask", "csv"])
def test_image_is_shown_without_outline_when_there_is_no_usable_mask(tmp_path, kind):
    labels = {
        "no mask": None,
        "empty mask": save(tmp_path / "e.nii", np.zeros((8, 8, 3), np.uint8)),
        "other shape": save(tmp_path / "o.nii", np.ones((8, 8, 2), np.uint8)),
        "broken mask": str(tmp_path / "absent.nii"),
        "csv": str(tmp_path / "a.csv"),
    }
    image = np.zeros((8, 8, 3), np.float32)
    image[..., 1] = np.arange(64).reshape(8, 8)
    pixels = draw(tmp_path, [{"image": save(tmp_path / "a.nii", image), "label": labels[kind]}])
    assert not near(pixels, MAGENTA).any()
    assert (pixels[20:] > 200).all(axis=2).sum() > 50  # bright end of the middle slice's ramp


def test_unreadable_case_has_a_red_tile_beside_the_others(tmp_path):
    image = np.full((8, 8, 3, 2), 0, np.float32)
    image[:4, ..., 1] = 1
    items = [{"image": save(tmp_path / "a.nii", image)}, {"image": str(tmp_path / "absent.nii"), "case": "b"}]
    pixels = draw(tmp_path, items, channel=1, columns=1)
    half = len(pixels) // 2
    assert not near(pixels[:half], RED).any()
    assert near(pixels[half:], RED).any()


@pytest.mark.parametrize("suffix", [".nii.gz", ".mgz", ".nrrd", ".mha"])
def test_every_format_of_training_is_drawn(tmp_path, suffix):
    if suffix not in VOLUME_SUFFIXES:
        pytest.skip(f"training reads no {suffix}")
    image = np.random.default_rng(0).random((40, 40, 4)).astype(np.float32)
    mask = np.zeros((40, 40, 4), np.uint8)
    mask[28:36, 28:36, 3] = 1
    item = {"case": "a"}
    for key, voxels in (("image", image), ("label", mask)):
        item[key] = str(tmp_path / f"{key}{suffix}")
        if suffix in (".nii.gz", ".mgz"):
            (nib.MGHImage if suffix == ".mgz" else nib.Nifti1Image)(voxels, np.eye(4)).to_filename(item[key])
        else:
            sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
            written = sitk.GetImageFromArray(voxels.T)
            written.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # RAS
            sitk.WriteImage(written, item[key])
    try:
        VolumeFile.read([item["image"]])
    except Exception as error:
        pytest.skip(f"no reader of {suffix} is installed: {error}")
    pixels = draw(tmp_path, [item])
    assert not near(pixels, RED).any()
    rows, columns = np.nonzero(near(pixels, MAGENTA))
    assert rows.size > 20
    assert rows.max() < 172 / 2
    assert columns.max() < 150 / 2


@pytest.fixture
def same_locale():
    """ITK's DICOM writer leaves the locale of the process at C, in which Python reads text as ASCII."""
    before = locale.setlocale(locale.LC_ALL)
    yield
    locale.setlocale(locale.LC_ALL, before)


def test_a_dicom_folder_is_drawn(tmp_path, same_locale):
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    pytest.importorskip("pydicom", reason="pydicom is not installed")
    voxels = np.random.default_rng(0).integers(0, 1000, (4, 40, 40)).astype(np.int16)
    (tmp_path / "series").mkdir()
    for index in range(4):
        image = sitk.GetImageFromArray(voxels[index : index + 1])
        for tag, value in {
            "0008|0060": "CT",
            "0020|000e": "1.2.3.4",
            "0020|000d": "1.2.3",
            "0020|0013": str(index + 1),
            "0020|0032": f"0\\0\\{index * 5}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }.items():
            image.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(tmp_path / f"series/{index}.dcm"))
        writer.Execute(image)
    pixels = draw(tmp_path, [{"image": str(tmp_path / "series")}])
    assert not near(pixels, RED).any()
    assert (pixels[20:] > 100).all(axis=2).sum() > 1000


def test_the_title_tells_mask_slice_labels_and_no_label_apart(tmp_path):
    image = save(tmp_path / "a.nii", np.random.default_rng(0).random((8, 8, 3)).astype(np.float32))
    mask = np.zeros((8, 8, 3), np.uint8)
    mask[2:5, 2:5, 1:] = 1
    (tmp_path / "a.csv").write_text("slice_index,class\n0,0\n1,1\n2,0\n")
    labels = {
        "mask: 2 positive": save(tmp_path / "m.nii", mask),
        "slice labels: 1 positive": str(tmp_path / "a.csv"),
        "no label": None,
        "mask: File": str(tmp_path / "absent.nii"),
    }
    for expected, label in labels.items():
        assert _slice_and_mask(item={"image": image, "label": label}, channel=0, choice=MaskValues(), above=0)[
            2
        ].startswith(expected)


def test_slice_images(tmp_path):
    files = {"image": [], "label": []}
    for index in range(3):
        for key, pixels in (("image", np.eye(20) * 200), ("label", np.pad(np.full((6, 6), 255 * (index == 2)), 7))):
            file = tmp_path / f"{key}_{index}.tif"
            picture = np.stack([pixels] * 3, axis=2) if key == "image" else pixels
            Image.fromarray(picture.astype(np.uint8)).save(file)
            files[key].append(str(file))
    assert near(draw(tmp_path, [files]), MAGENTA).sum() > 20


def test_nothing_to_draw_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="at least one case"):
        contact_sheet([], tmp_path / "sheet.png")


def outlined(monkeypatch, tmp_path, **options):
    drawn = []
    monkeypatch.setattr(Axes, "contour", lambda axis, mask, **_: drawn.append(mask))
    mask = np.zeros((8, 8, 4), np.uint8)
    mask[1:3, 1:3, 1], mask[5:7, 5:7, 2], mask[3, 3, 2] = 1, 6, 255
    for name, voxels in (("image", np.arange(256.0).reshape(8, 8, 4)), ("mask", mask)):
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / f"{name}.nii")
    item = {"image": str(tmp_path / "image.nii"), "label": str(tmp_path / "mask.nii"), "case": "a"}
    contact_sheet([item], tmp_path / "sheet.png", **options)
    [mask] = drawn
    return int(mask.sum())


def test_outlines_are_of_what_training_learns(monkeypatch, tmp_path):
    assert outlined(monkeypatch, tmp_path) == 5
    assert outlined(monkeypatch, tmp_path, mask_values=[6]) == 4
    assert outlined(monkeypatch, tmp_path, ignored_mask_value=255) == 4
    assert outlined(monkeypatch, tmp_path, positive_above=6) == 1
    assert outlined(monkeypatch, tmp_path, positive_above=1, mask_values=[1]) == 4


def test_complex_voxels_are_not_drawn_by_their_real_part(tmp_path):
    nib.save(nib.Nifti1Image(np.ones((8, 8, 4), np.complex64), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(TypeError, match="complex64"):
        _slice_and_mask(item={"image": str(tmp_path / "a.nii")}, channel=0, choice=MaskValues(), above=0)
