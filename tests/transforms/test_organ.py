import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Orientationd, ThresholdIntensityd

from bundle.transforms import OrganCropd, OrganMaskd, SliceVolumed, organ_region

AFFINE = np.diag([1.0, 2.0, -3.0, 1.0])


def _case():
    """Organ 1 in rows 2..6, columns 0..2, slices 1..3; one voxel of lesion (2) in slice 2."""
    label = torch.zeros(1, 9, 8, 5)
    label[:, 2:7, 0:3, 1:4] = 1
    label[0, 4, 1, 2] = 2
    image = torch.rand(2, 9, 8, 5) + 3
    return {"image": MetaTensor(image, affine=AFFINE), "label": MetaTensor(label, affine=AFFINE)}


def test_outside_the_organ_is_the_minimum_of_the_channel():
    case = _case()
    case["image"][1] -= 100
    masked = OrganMaskd()(case)["image"]
    inside = case["label"][0] > 0
    for channel in range(2):
        assert torch.equal(masked[channel][inside], case["image"][channel][inside])
        assert masked[channel][~inside].unique().tolist() == [case["image"][channel].min().item()]
    assert OrganMaskd(fill=-7.0)(case)["image"][0][~inside].unique().tolist() == [-7.0]
    assert isinstance(masked, MetaTensor)
    np.testing.assert_allclose(masked.affine, AFFINE)


def test_the_organ_key_comes_before_the_label():
    organ = torch.zeros(1, 9, 8, 5)
    organ[..., 0] = 1
    assert torch.equal(organ_region({**_case(), "organ": organ}), organ > 0)


def test_without_organ_it_says_what_to_add():
    with pytest.raises(ValueError, match="add the path of an organ mask as 'organ'"):
        OrganMaskd()({"image": torch.rand(1, 4, 4, 2)})
    with pytest.raises(ValueError, match=r"organ \(1 or more\), got an empty mask: leave the case out"):
        OrganMaskd()({"image": torch.rand(1, 4, 4, 2), "organ": torch.zeros(1, 4, 4, 2)})


@pytest.mark.parametrize(
    ("settings", "rows", "columns", "slices"),
    [
        ({"square": False}, (0, 9), (0, 8), (1, 4)),
        ({"slices_only": False}, (2, 7), (-1, 4), (0, 5)),
        ({"margin_px": 1}, (1, 8), (-2, 5), (1, 4)),
        ({"margin_px": 4}, (-2, 11), (-5, 8), (1, 4)),
    ],
)
def test_the_box_is_cut_out_and_padded(settings, rows, columns, slices):
    case = _case()
    crop = OrganCropd(**settings)
    cropped = crop(case)
    for key, outside in (("image", case["image"].min().item()), ("label", 0.0)):
        volume = case[key].as_tensor()
        wide = torch.full((len(volume), 29, 28, 5), outside)
        wide[:, 10:19, 10:18] = volume
        expected = wide[:, rows[0] + 10 : rows[1] + 10, columns[0] + 10 : columns[1] + 10, slices[0] : slices[1]]
        assert torch.equal(cropped[key].as_tensor(), expected)
        first = AFFINE @ [rows[0], columns[0], slices[0], 1]
        np.testing.assert_allclose(cropped[key].affine[:, 3], first, atol=1e-6)


def test_invertd_puts_the_map_back_and_zeros_outside():
    keys = ("image", "label", "organ")
    preprocessing = Compose(
        [
            Orientationd(keys=keys, axcodes="PLS", allow_missing_keys=True),
            OrganMaskd(),
            OrganCropd(margin_px=3),
            ThresholdIntensityd(keys="label", threshold=1, above=True, cval=0, allow_missing_keys=True),
        ]
    )
    case = _case()
    organ = case.pop("label")
    inference = preprocessing({**case, "organ": organ})
    assert "label" not in inference
    inference["pred"] = MetaTensor(inference["image"].as_tensor()[:1].clone())
    back = Invertd(keys="pred", orig_keys="image", transform=preprocessing, nearest_interp=False)(inference)["pred"]
    inside = organ > 0
    assert torch.equal(back.as_tensor()[inside], case["image"][:1].as_tensor()[inside])
    assert back[..., [0, 4]].abs().sum() == 0
    np.testing.assert_allclose(back.affine, AFFINE, atol=1e-6)
    slices = SliceVolumed()(preprocessing({**case, "label": organ}))
    # the slice axis points inferior in the file: file slices 3, 2, 1
    assert [entry["label"].item() for entry in slices] == [0, 1, 0]
    assert slices[1]["mask"].sum() == 1


def test_slice_labels_are_cropped_with_the_slices():
    case = {"image": _case()["image"], "organ": _case()["label"]}
    case["slice_labels"] = MetaTensor(torch.arange(5, dtype=torch.int16).reshape(1, 1, 1, 5), affine=AFFINE)
    assert OrganCropd(margin_px=2)(case)["slice_labels"].flatten().tolist() == [1, 2, 3]


def test_useless_settings_are_refused():
    with pytest.raises(ValueError, match="margin_px must be at least 0, got -1"):
        OrganCropd(margin_px=-1)
    with pytest.raises(ValueError, match="slices_only or square must be true, got false for both"):
        OrganCropd(slices_only=False, square=False)
