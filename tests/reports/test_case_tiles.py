"""The contact sheet shows every case, also those that cannot be read."""

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from bundle.reports import contact_sheet

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
