"""Data set and loader: the same batches whoever makes them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ignite import distributed as idist
from monai.transforms import RandFlipd, RandRotated, RandShiftIntensityd, SpatialPadd
from support.slices import ToySlices, toy_items

from bundle.data import SliceDataLoader, SliceDataset, SliceRequest, supervised_cases

RANDOM = [
    RandFlipd(["image", "mask"], prob=0.5, spatial_axis=1),
    RandRotated(["image", "mask"], range_x=0.3, prob=0.9, mode=["bilinear", "nearest"]),
    RandShiftIntensityd("image", offsets=0.1, prob=1.0),
]


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def toy(cache_dir, transform=None, items=None, **arguments):
    return SliceDataset(items or toy_items(3), transform or ToySlices(), cache_dir, **arguments)


def batches_of(loader, epoch):
    loader.set_epoch(epoch)
    return list(loader)


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(one[key], other[key]) if torch.is_tensor(one[key]) else one[key] == other[key] for key in one
    )


def test_one_slice(cache_dir):
    dataset = toy(cache_dir)
    found = dataset[SliceRequest(7)]
    volume, mask = ToySlices().arrays("c1")
    assert found["image"].dtype == torch.float32
    assert np.abs(found["image"].numpy() - volume[2]).max() <= 5e-4
    assert np.array_equal(found["mask"].numpy(), mask[2])
    assert found["label"].tolist() == [0.0]
    names = {key: found[key] for key in ("case", "patient", "site", "slice_index", "case_index")}
    assert names == {"case": "c1", "patient": "p1", "site": "s", "slice_index": 12, "case_index": 1}
    assert float(found["supervised"]) == 1
    assert torch.equal(dataset[-1]["image"], dataset[14]["image"])
    with pytest.raises(IndexError, match="slice must be from 0 to 14, got 15"):
        dataset[15]


@pytest.mark.parametrize("order", ["scan", "shuffle", "balanced"])
def test_supervised_only_draws_the_slices_of_supervised_cases(cache_dir, order):
    dataset = toy(cache_dir, supervised_cases=["c0", "c2"], supervised_only=True)
    assert len(dataset) == 15, "all are there for baselines and for the record of the split"
    loader = SliceDataLoader(dataset, order, batch_size=4)
    batches = batches_of(loader, 1)
    assert len(batches) == len(loader)
    assert {name for batch in batches for name in batch["case"]} == {"c0", "c2"}
    assert sum(len(batch["image"]) for batch in batches) == 10
    alone = toy(cache_dir, items=[toy_items(3)[0], toy_items(3)[2]])
    for one, other in zip(batches, batches_of(SliceDataLoader(alone, order, batch_size=4), 1), strict=True):
        assert one["case"] == other["case"]
        assert torch.equal(one["image"], other["image"])


def test_a_batch_is_its_slices(cache_dir):
    dataset = toy(cache_dir)
    batch = dataset.__getitems__([14, 3, 4, 5])
    assert batch["image"].dtype == torch.float16
    shapes = {key: tuple(value.shape) for key, value in batch.items() if torch.is_tensor(value)}
    assert shapes == {
        "image": (4, 2, 6, 7),
        "mask": (4, 1, 6, 7),
        "label": (4, 1),
        "supervised": (4,),
        "slice_index": (4,),
        "case_index": (4,),
    }
    assert batch["case"] == ["c2", "c0", "c0", "c1"]
    assert batch["slice_index"].tolist() == [14, 13, 14, 10]
    assert batch["label"].dtype == torch.float32
    for place, index in enumerate([14, 3, 4, 5]):
        one = dataset[index]
        assert torch.equal(batch["image"][place].float(), one["image"])
        assert torch.equal(batch["mask"][place], one["mask"])


def test_ignored_slices_have_neither_label_nor_supervision(cache_dir):
    batch = toy(cache_dir).__getitems__([SliceRequest(1), SliceRequest(1, ignored=True)])
    assert batch["label"].tolist() == [[1.0], [-1.0]]
    assert batch["supervised"].tolist() == [1.0, 0.0]


def test_several_classes(cache_dir):
    dataset = toy(cache_dir, ToySlices(num_classes=3))
    labels = dataset.__getitems__([0, 1, 2, SliceRequest(2, ignored=True)])["label"]
    assert labels.dtype == torch.int64
    assert labels.tolist() == [0, 1, 2, -1]
    assert dataset[2]["label"].shape == ()


def test_uint8_stands_for_255th(cache_dir):
    class Steps(ToySlices):
        def __call__(self, item):
            return [entry | {"image": (entry["image"] * 255).round() / 255} for entry in super().__call__(item)]

    Steps.__qualname__ = "Steps"
    dataset = toy(cache_dir, Steps(), dtype="uint8")
    expected = Steps()(toy_items(1)[0])[3]["image"]
    assert dataset.__getitems__([3])["image"].dtype == torch.uint8
    assert torch.equal(dataset[3]["image"], expected)


def test_columns(cache_dir):
    dataset = toy(cache_dir)
    assert len(dataset) == 15
    assert dataset.cases == ["c0", "c1", "c2"]
    assert dataset.labels.tolist() == [0, 1, 0, 1, 0] * 3
    assert dataset.positive_share == pytest.approx(0.4)
    assert dataset.relative_position[5:10] == pytest.approx(np.arange(10, 15) / 14)
    assert dataset.case_of_slice.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert np.isnan(SliceDataset([], ToySlices(), cache_dir).positive_share)


def test_items_without_names_are_completed(tmp_path):
    with pytest.warns(UserWarning, match="say no `case`"):
        dataset = SliceDataset([{"image": "d/c4.nii.gz"}], ToySlices(), tmp_path)
    assert dataset.items[0]["case"] == dataset.items[0]["patient"] == "c4"
    assert dataset.supervised.tolist() == [False]


@given(st.integers(1, 30), st.integers(0, 5), st.floats(0, 1), st.floats(0, 1), st.randoms(use_true_random=False))
def test_fractions_are_nested_and_do_not_depend_on_order(count, seed, one, other, random):
    names = [f"c{number}" for number in range(count)]
    masked = np.arange(count) % 3 > 0
    low, high = (supervised_cases(share, names, masked, seed) for share in sorted([one, other]))
    assert not (low & ~high).any()
    assert not (high & ~masked).any()
    assert high.sum() == round(max(one, other) * masked.sum())
    order = random.sample(range(count), count)
    again = supervised_cases(max(one, other), [names[place] for place in order], masked[order], seed)
    assert again.tolist() == high[order].tolist()


@given(st.integers(2, 30), st.integers(0, 5), st.data())
def test_a_count_takes_so_many_of_the_order_that_fractions_take(count, seed, data):
    names, masked = [f"c{number}" for number in range(2 * count)], np.arange(2 * count) % 2 > 0
    wanted = data.draw(st.integers(2, count))
    found = supervised_cases(wanted, names, masked, seed)
    assert found.sum() == wanted
    assert found.tolist() == supervised_cases(wanted / count, names, masked, seed).tolist()


@pytest.mark.parametrize("fraction", [0, 0.5, 1, 1.0])
def test_a_fraction_of_no_mask_is_none(fraction):
    assert supervised_cases(fraction, ["a"], np.zeros(1, bool)).tolist() == [False]


def test_supervised_cases_by_name():
    names, masked = ["brats_001", "brats_002", "brats_003"], np.array([True, True, False])
    assert supervised_cases("all", names, masked).tolist() == [True, True, False]
    assert supervised_cases(["brats_002"], names, masked).tolist() == [False, True, False]
    assert supervised_cases(0, names, masked).tolist() == [False] * 3
    wrong = {
        "did you mean 'brats_001'": ["brats_01"],
        "cases with a mask, got 'brats_003' without": ["brats_003"],
        "at most 2, the training cases with a mask, got 33": 33,
        "fraction from 0 to 1 or a whole number from 2 on, got 1.5": 1.5,
        "number from 2 on, got -1": -1,
        "number from 2 on, got nan": float("nan"),
        "number from 2 on, got inf": float("inf"),
        "number from 2 on, got True": True,
        "must be 'all', a fraction, a count or case ids, got 'some'": "some",
    }
    for message, choice in wrong.items():
        with pytest.raises(ValueError, match=message):
            supervised_cases(choice, names, masked)
    with pytest.raises(ValueError, match="has no cases"):
        supervised_cases(["a"], [], np.zeros(0))


def test_supervised_flag_reaches_the_batch(cache_dir):
    batch = toy(cache_dir, supervised_cases=["c1"]).__getitems__([0, 5, 10])
    assert batch["supervised"].tolist() == [0.0, 1.0, 0.0]


def test_augmentation_is_a_function_of_seed_epoch_and_slice(cache_dir):
    dataset, other = (toy(cache_dir, augmentation=RANDOM, seed=seed) for seed in (1, 2))
    first = dataset.__getitems__([SliceRequest(3), SliceRequest(8)])
    torch.manual_seed(0)
    dataset.__getitems__([SliceRequest(0)])
    again = dataset.__getitems__([SliceRequest(8), SliceRequest(-12)])
    assert torch.equal(first["image"], again["image"].flip(0))
    assert torch.equal(first["mask"], again["mask"].flip(0))
    assert type(first["image"]) is torch.Tensor
    assert first["image"].dtype == torch.float32
    assert first["mask"].dtype == torch.uint8
    assert not torch.equal(first["image"], dataset.__getitems__([SliceRequest(3, 2), SliceRequest(8, 2)])["image"])
    assert not torch.equal(first["image"], other.__getitems__([SliceRequest(3), SliceRequest(8)])["image"])


def test_augmentation_moves_image_and_mask_together(cache_dir):
    flip = RandFlipd(["image", "mask"], prob=1.0, spatial_axis=1)
    plain, flipped = toy(cache_dir)[4], toy(cache_dir, augmentation=flip)[4]
    assert torch.equal(flipped["image"], plain["image"].flip(-1))
    assert torch.equal(flipped["mask"], plain["mask"].flip(-1))


def test_augmentation_must_keep_shapes(cache_dir):
    with pytest.raises(ValueError, match="keep the shapes"):
        toy(cache_dir, augmentation=SpatialPadd("image", spatial_size=(9, 9)))[0]


@pytest.mark.parametrize("order", ["scan", "shuffle", "sequential"])
def test_workers_make_the_same_batches(cache_dir, order):
    dataset = toy(cache_dir, augmentation=RANDOM)
    alone = SliceDataLoader(dataset, order, batch_size=4, seed=7)
    helped = SliceDataLoader(dataset, order, batch_size=4, seed=7, num_workers=2)
    for epoch in (1, 2):
        pairs = list(zip(batches_of(alone, epoch), batches_of(helped, epoch), strict=True))
        assert len(pairs) == len(alone) == len(helped)
        assert all(same(*pair) for pair in pairs)


def test_loader_leaves_the_global_random_state(cache_dir):
    state, numpy_state = torch.random.get_rng_state(), np.random.get_state()
    for workers in (0, 2):
        batches_of(SliceDataLoader(toy(cache_dir, augmentation=RANDOM), "shuffle", 4, num_workers=workers), 1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1])


def test_loader_asks_the_process_group(cache_dir, monkeypatch):
    for name, value in {"get_world_size": 2, "get_rank": 1}.items():
        monkeypatch.setattr(idist, name, lambda value=value: value)
    batches = batches_of(SliceDataLoader(toy(cache_dir), batch_size=2), 1)
    assert [batch["slice_index"].tolist() for batch in batches][:2] == [[11], [13]]
    assert batches[-1]["label"].tolist() == [[-1.0]]
    assert len(batches) == 8
    one = SliceDataLoader(toy(cache_dir), batch_size=2, rank=0, world_size=1)
    assert len(next(iter(one))["label"]) == 2


def test_loader_passes_options(cache_dir):
    loader = SliceDataLoader(toy(cache_dir), "scan", 4, min_last_fraction=1.0, timeout=0)
    assert len(loader) == 3


def test_neighbors_are_further_channels_within_the_scan(cache_dir):
    plain, with_neighbors = toy(cache_dir), toy(cache_dir, neighbor_mm=0)
    own = plain.__getitems__(range(15))["image"]
    found = with_neighbors.__getitems__([14, 5, 6])
    assert found["image"].dtype == torch.float16
    expected = [
        torch.cat([own[14], own[13], own[14]]),
        torch.cat([own[5], own[5], own[6]]),
        torch.cat(list(own[[6, 5, 7]])),
    ]
    assert torch.equal(found["image"], torch.stack(expected)), "5 is the first slice of its scan, 14 the last"
    assert torch.equal(found["mask"], plain.__getitems__([14, 5, 6])["mask"])
    assert found["slice_index"].tolist() == plain.__getitems__([14, 5, 6])["slice_index"].tolist()


def test_neighbors_a_distance_away_need_the_spacing_of_the_slices(cache_dir):
    with pytest.raises(ValueError, match=r"c0: .* 5 mm away, got none: .* remove "):
        toy(cache_dir, neighbor_mm=5)


def test_neighbors_move_with_their_slice_and_its_mask(cache_dir):
    flip = [RandFlipd(["image", "mask"], prob=1.0, spatial_axis=1)]
    plain, flipped = toy(cache_dir, neighbor_mm=0), toy(cache_dir, neighbor_mm=0, augmentation=flip)
    batch, before = flipped.__getitems__(list(range(5))), plain.__getitems__(list(range(5)))
    assert torch.equal(batch["image"], before["image"].float().flip(-1))
    assert torch.equal(batch["mask"], before["mask"].flip(-1))
