"""The inferer's tensor becomes a map that can be inverted and a result that JSON can hold."""

import json
import re

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, EnsureChannelFirstd, Invertd, LoadImaged, MapTransform, Orientationd

from bundle.transforms import SplitPredictiond
from bundle.transforms.split_prediction import spread_slices
from bundle.volumes import write_nifti

P = [0.25, 0.75, 0.5, 0.125]


def prediction(probabilities, *, blank=(), shape=(5, 4)):
    """(1 + K, H, W, D) as SliceInferer gives it."""
    columns = torch.tensor(probabilities)  # (K, D)
    maps = torch.rand(1, *shape, columns.shape[1], generator=torch.Generator().manual_seed(0)) + 0.1
    maps[..., list(blank)] = 0
    return torch.cat([maps, columns[:, None, None].expand(-1, *shape, -1)])


def split(probabilities=(P,), *, blank=(), **options):
    pred = prediction(probabilities, blank=blank)
    image = torch.arange(2 * 5 * 4 * pred.shape[-1]).reshape(2, 5, 4, -1).float()
    image[..., list(blank)] = 7
    return image, pred, SplitPredictiond(**options)({"image": image, "pred": pred, "other": 1})


def test_slices_volume_and_decision():
    _, _, data = split(blank=[3], threshold=0.5, top_k=2)
    assert data["result"] == {
        "slices": [
            {"slice": 0, "probability": 0.25, "positive": False, "blank": False},
            {"slice": 1, "probability": 0.75, "positive": True, "blank": False},
            {"slice": 2, "probability": 0.5, "positive": True, "blank": False},
            {"slice": 3, "probability": 0.125, "positive": False, "blank": True},
        ],
        "volume": {
            "max": 0.75,
            "top_k_mean": 0.625,
            "noisy_or": pytest.approx(1 - np.prod(1 - np.array(P))),
        },
        "positive": True,
        "positive_if": "volume max >= volume_threshold",
        "threshold": 0.5,
        "volume_threshold": 0.5,
    }
    assert json.loads(json.dumps(data["result"])) == data["result"]
    assert data["other"] == 1


def test_a_slice_that_shows_something_is_not_blank_because_its_map_is_flat():
    image, pred, _ = split()
    pred[0] = 0
    slices = SplitPredictiond()({"image": image, "pred": pred})["result"]["slices"]
    assert not any(row["blank"] for row in slices)


@pytest.mark.parametrize(("threshold", "positive"), [(0.75, True), (0.76, False)])
def test_a_volume_is_positive_from_the_threshold_on(threshold, positive):
    assert split(threshold=threshold)[2]["result"]["positive"] is positive


@pytest.mark.parametrize(("volume_threshold", "positive"), [(0.75, True), (0.76, False)])
def test_a_volume_can_have_a_threshold_of_its_own(volume_threshold, positive):
    result = split(threshold=0.5, volume_threshold=volume_threshold)[2]["result"]
    assert [row["positive"] for row in result["slices"]] == [False, True, True, False]
    assert result["positive"] is positive
    assert (result["threshold"], result["volume_threshold"]) == (0.5, volume_threshold)


def test_of_several_classes_all_but_the_background_count():
    _, _, data = split([[0.5, 0.25], [0.25, 0.5], [0.25, 0.25]], threshold=0.6)
    first, second = data["result"]["slices"]
    assert first == {
        "slice": 0,
        "probability": 0.5,
        "probability_0": 0.5,
        "probability_1": 0.25,
        "probability_2": 0.25,
        "positive": False,
        "blank": False,
    }
    assert (second["probability"], second["positive"]) == (0.75, True)
    assert data["result"]["volume"]["max"] == 0.75


def test_the_picture_gets_slices_with_their_maps():
    image, pred, data = split(num_overlays=2)
    overlay = data["overlay"]
    assert overlay["index"] == [1, 2]
    np.testing.assert_array_equal(overlay["image"], image[..., [1, 2]].permute(3, 0, 1, 2))
    np.testing.assert_array_equal(overlay["map"], pred[0][..., [1, 2]].permute(2, 0, 1))
    assert overlay["map_range"] == (pred[0].min(), pred[0].max())
    assert split(num_overlays=9)[2]["overlay"]["index"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("probabilities", "count", "expected"),
    [
        ([0.1] * 10 + [0.9] * 21 + [0.1] * 10, 3, [10, 20, 30]),  # the ends of the run, not three neighbors
        ([0.1, 0.6, 0.1, 0.9, 0.1, 0.6, 0.1], 5, [0, 1, 3, 5, 6]),  # all positive ones, and the ends of the others
        ([0.6, 0.6, 0.7, 0.6, 0.6, 0.6, 0.6], 3, [0, 2, 6]),  # the highest one is there
        ([0.1, 0.4, 0.2, 0.1, 0.1], 2, [1, 4]),  # no positive slice
        ([0.1, 0.6, 0.1, 0.1], 2, [1, 2]),
        ([0.3], 6, [0]),
    ],
)
def test_slices_are_spread_over_the_positive_ones(probabilities, count, expected):
    found = spread_slices(probabilities, 0.5, count)
    assert found == expected
    assert int(np.argmax(probabilities)) in found


@pytest.mark.parametrize(
    ("meta", "is_known"),
    [
        ({"filename_or_obj": "a.nii.gz", "qform_code": 0, "sform_code": 2}, True),
        ({"filename_or_obj": "a.nii.gz", "qform_code": 0, "sform_code": 0}, False),  # no orientation in the header
        ({"filename_or_obj": "a_7.tif"}, False),  # slice images have none at all
        ({"filename_or_obj": "a.nrrd"}, True),
    ],
)
def test_the_picture_gets_no_sides_where_nobody_knows_them(meta, is_known):
    affine = torch.diag(torch.tensor([1.0, 2.0, 3.0, 1.0], dtype=torch.float64))
    image = MetaTensor(torch.rand(1, 5, 4, 4), affine=affine, meta=meta)
    found = SplitPredictiond()({"image": image, "pred": prediction([P])})["overlay"]["affine"]
    assert np.array_equal(found, affine) if is_known else found is None


def test_it_is_a_transform_of_the_keys_it_is_given():
    image, pred, _ = split()
    transform = SplitPredictiond(keys="logits")
    assert isinstance(transform, MapTransform)
    assert torch.equal(transform({"image": image, "logits": pred})["logits"].as_tensor(), pred[:1])
    with pytest.raises(KeyError):
        transform({"image": image, "pred": pred})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", [(0, 1, 1, 2), (1, slice(None), slice(None), 2)], ids=["map", "probability"])
def test_an_answer_that_is_not_finite_is_refused_by_file_and_slice(where, value):
    pred = prediction([P])
    pred[where] = value
    image = MetaTensor(torch.rand(2, 5, 4, 4), meta={"filename_or_obj": "in/a.nii.gz"})
    with pytest.raises(ValueError, match=r"in/a.nii.gz: .* finite .* NaN or infinity in 1 of 4 slices, .* slice 2:"):
        SplitPredictiond()({"image": image, "pred": pred})


@pytest.mark.parametrize("shape", [(1, 4, 4, 2), (2, 4, 4), (1, 2, 4, 4, 2)])
def test_another_tensor_is_refused(shape):
    got = re.escape(str(shape))
    with pytest.raises(ValueError, match=rf"pred must have SliceInferer's shape \(1\+K, H, W, D\), got {got}:"):
        SplitPredictiond()({"image": torch.zeros(1, 4, 4, 2), "pred": torch.zeros(shape)})


def test_the_map_goes_back_to_the_grid_of_the_file(tmp_path):
    source = np.random.default_rng(0).random((6, 5, 4)).astype(np.float32)
    affine = np.diag([-2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = 7, -8, 9
    file = write_nifti(tmp_path / "a.nii.gz", source, affine)
    labels = (("L", "R"), ("P", "A"), ("I", "S"))
    loading = Compose(
        [LoadImaged("image"), EnsureChannelFirstd("image"), Orientationd("image", axcodes="PLS", labels=labels)]
    )
    data = loading({"image": str(file)})
    image = data["image"]
    pred = MetaTensor(torch.cat([image.as_tensor(), torch.full_like(image.as_tensor(), 0.5)]))
    back = Compose([SplitPredictiond(), Invertd("pred", orig_keys="image", transform=loading, nearest_interp=False)])(
        {**data, "pred": pred}
    )
    np.testing.assert_allclose(back["pred"][0].numpy(), source)
    np.testing.assert_allclose(back["pred"].affine, affine)
