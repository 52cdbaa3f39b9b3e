import numpy as np
import pytest
import torch
from conftest import SHARED
from monai.transforms import Compose, Orientationd
from PIL import Image

from bundle.transforms import LoadCaseFilesd, LoadSliceStackd, SliceVolumed


@pytest.fixture
def write_slices(tmp_path):
    def write(stem, arrays, suffix=".tif"):
        files = [tmp_path / f"{stem}_{index}{suffix}" for index in range(len(arrays))]
        for file, array in zip(files, arrays, strict=True):
            Image.fromarray(array).save(file)
        return [str(file) for file in files]

    return write


PIXELS = np.random.default_rng(0).integers(0, 255, (3, 6, 5, 3), dtype=np.uint8)
MASKS = (PIXELS[..., 0] > 128).astype(np.uint8) * 255


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_slices_become_a_volume_that_orientation_leaves_alone(write_slices, suffix):
    case = {"image": write_slices("a", PIXELS, suffix), "label": write_slices("m", MASKS, suffix), "organ": None}
    loaded = LoadSliceStackd()(case)
    assert sorted(loaded) == ["image", "label"]
    np.testing.assert_array_equal(loaded["image"].as_tensor().numpy(), PIXELS.transpose(3, 1, 2, 0))
    np.testing.assert_array_equal(loaded["label"].as_tensor().numpy(), MASKS.transpose(1, 2, 0)[None] // 255)
    turned = Orientationd(keys=("image", "label"), axcodes="PLS")(loaded)
    for key in ("image", "label"):
        assert torch.equal(turned[key].as_tensor(), loaded[key].as_tensor())
        assert torch.equal(turned[key].affine, loaded[key].affine)
    assert loaded["image"].meta["filename_or_obj"] == case["image"][0]


def test_gray_slices_and_slice_labels(write_slices, tmp_path):
    (tmp_path / "labels.csv").write_text("slice_index,class\n2,1\n")
    case = {"image": write_slices("a", PIXELS[..., 0]), "label": str(tmp_path / "labels.csv")}
    slices = SliceVolumed(preprocessing=LoadSliceStackd())(case)
    assert [entry["label"].item() for entry in slices] == [-1, -1, 1]
    assert slices[0]["image"].shape == (1, 6, 5)


def test_color_tables_are_resolved(write_slices, tmp_path):
    picture = Image.fromarray(np.array([[0, 1]], np.uint8), mode="P")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.save(tmp_path / "p.png")
    image = LoadSliceStackd()({"image": [tmp_path / "p.png"]})["image"]
    assert image[..., 0].reshape(3, 2).T.tolist() == [[10, 20, 30], [40, 50, 60]]


def test_bad_stacks_are_refused_by_name(write_slices, tmp_path):
    files, masks = write_slices("a", PIXELS), write_slices("m", MASKS)
    load = LoadSliceStackd()
    with pytest.raises(ValueError, match="for volumes use LoadCaseFilesd"):
        load({"image": files[0]})
    with pytest.raises(ValueError, match=r"gone.tif must be a slice image"):
        load({"image": [*files, str(tmp_path / "gone.tif")]})
    (tmp_path / "torn.tif").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"torn.tif must be a readable image"):
        load({"image": [str(tmp_path / "torn.tif")]})
    with pytest.raises(ValueError, match=r"m_0.tif must have \(6, 5, 3\) pixels as .*a_0.tif, got \(6, 5\)"):
        load({"image": [files[0], masks[0]]})
    with pytest.raises(ValueError, match=r"m_0.tif: mask must have 3 slices.*, got 2:"):
        load({"image": files, "label": masks[:2]})
    with pytest.raises(ValueError, match=r"a_0.tif: mask slices must have the shape \(1, 6, 5\), got \(3, 6, 5\)"):
        load({"image": files, "label": files})
    nan = write_slices("nan", np.full((1, 4, 4), np.nan, np.float32))
    with pytest.raises(ValueError, match=r"nan_0.tif .*must hold finite numbers, got 16 voxels"):
        load({"image": nan})


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
def test_a_published_case_loads():
    folder = next((SHARED / "data" / "formats" / "kaggle_3m").glob("TCGA*"))
    files = [folder / f"{folder.name}_{index}.tif" for index in range(1, 24)]
    masks = [file.with_name(f"{file.stem}_mask.tif") for file in files]
    slices = SliceVolumed(preprocessing=LoadSliceStackd())({"image": files, "label": masks, "case": folder.name})
    for file, mask, entry in zip(files, masks, slices, strict=True):
        np.testing.assert_array_equal(entry["image"].permute(1, 2, 0).numpy(), np.asarray(Image.open(file)))
        assert entry["label"].item() == float(np.asarray(Image.open(mask)).any())


def test_mask_values_are_kept_to_be_chosen_from(tmp_path):
    for index, value in enumerate((0, 255, 128)):
        Image.fromarray(np.full((4, 6), value, np.uint8)).save(tmp_path / f"m{index}.png")
        Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).save(tmp_path / f"i{index}.png")
    case = {
        "image": [str(tmp_path / f"i{n}.png") for n in range(3)],
        "label": [str(tmp_path / f"m{n}.png") for n in range(3)],
    }
    slices = Compose([LoadSliceStackd(binary=False), SliceVolumed(mask_values=[255])])({**case, "case": "a"})
    assert [float(each["label"]) for each in slices] == [0, 1, 0]
    slices = Compose([LoadSliceStackd(binary=False), SliceVolumed(ignored_mask_value=128)])({**case, "case": "a"})
    assert [float(each["label"]) for each in slices] == [0, 1, -1]


def test_volumes_and_slice_images_are_not_read_by_one_loader():
    with pytest.raises(ValueError, match="must be a volume, got a slice image: load slices by LoadSliceStackd"):
        LoadCaseFilesd()({"image": ["a.png", "b.png"]})
