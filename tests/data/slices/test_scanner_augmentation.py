from dataclasses import fields, replace

import pytest
import torch

from bundle.data import ScannerAugmentation, SliceRequest

SHARES = (
    "flip",
    "affine",
    "contrast",
    "bias_field",
    "blur",
    "low_resolution",
    "noise",
    "drop_channel",
)
NOTHING = ScannerAugmentation(**dict.fromkeys(SHARES, 0.0))


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(12, 1, 64, 64)
    mask[:, :, 12:28, 8:32] = 1
    noise = torch.rand(12, 2, 64, 64, generator=generator) * 0.1
    image = torch.cat([mask, mask * 0.5], dim=1) + noise
    return image, mask.to(torch.uint8), [SliceRequest(index) for index in range(12)]


def test_a_slice_does_not_depend_on_its_batch(batch):
    image, mask, requests = batch
    change = ScannerAugmentation(**dict.fromkeys(SHARES, 0.5))
    whole_image, whole_mask = change(image, mask, requests, seed=3)
    order = [7, 2, 11]
    part_image, part_mask = change(image[order], mask[order], [requests[index] for index in order], seed=3)
    torch.testing.assert_close(part_image, whole_image[order], atol=1e-6, rtol=0)
    assert torch.equal(part_mask, whole_mask[order])


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 2}])
def test_seed_and_epoch_change_every_slice(batch, other):
    image, mask, requests = batch
    change = ScannerAugmentation(contrast=1.0)
    first = change(image, mask, requests)[0]
    later = [request._replace(epoch=other.get("epoch", 1)) for request in requests]
    second = change(image, mask, later, seed=other.get("seed", 0))[0]
    assert all(not torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_nothing_changes_nothing_and_the_batch_itself_stays(batch):
    image, mask, requests = batch
    before = image.clone()
    same, same_mask = NOTHING(image, mask, requests)
    torch.testing.assert_close(same, image, atol=1e-6, rtol=0)
    assert torch.equal(same_mask, mask)
    replace(NOTHING, **dict.fromkeys(SHARES, 1.0))(image, mask, requests)
    assert torch.equal(image, before)


@pytest.mark.parametrize("share", SHARES)
def test_every_change_acts_alone_and_only_moves_touch_the_mask(batch, share):
    image, mask, requests = batch
    changed, changed_mask = replace(NOTHING, **{share: 1.0})(image, mask, requests)
    assert changed.dtype == torch.float32
    assert changed_mask.dtype == torch.uint8
    assert changed.isfinite().all()
    assert all(not torch.allclose(*pair, atol=1e-4) for pair in zip(changed, image, strict=True))
    assert torch.equal(changed_mask, mask) == (share not in ("flip", "affine"))


def test_image_and_mask_move_together(batch):
    image, mask, requests = batch
    changed, changed_mask = replace(NOTHING, flip=0.5, affine=1.0)(image, mask, requests)
    inside = changed[:, 0] > 0.55
    assert ((inside != changed_mask[:, 0].bool()).flatten(1).sum(dim=1) <= 80).all()
    assert set(changed_mask.unique().tolist()) == {0, 1}


def test_a_flip_exchanges_left_and_right(batch):
    image, mask, requests = batch
    flipped, flipped_mask = replace(NOTHING, flip=1.0)(image, mask, requests)
    torch.testing.assert_close(flipped, image.flip(-1), atol=1e-5, rtol=0)
    assert torch.equal(flipped_mask, mask.flip(-1))


def test_all_follows_the_range_of_each_channel_also_what_comes_in_from_outside(batch):
    image, mask, requests = batch
    change = ScannerAugmentation(**dict.fromkeys(SHARES, 1.0))
    in_hounsfield_units = change(image * 2000 - 1000, mask, requests)[0]
    torch.testing.assert_close((in_hounsfield_units + 1000) / 2000, change(image, mask, requests)[0], atol=1e-4, rtol=0)


def test_blank_slices_stay_blank(batch):
    image, mask, requests = batch
    everything = ScannerAugmentation(**dict.fromkeys(SHARES, 1.0))
    assert not everything(torch.zeros_like(image), mask, requests)[0].any()


def test_a_lone_channel_is_never_dropped(batch):
    image, mask, requests = batch
    kept = replace(NOTHING, drop_channel=1.0)(image[:, :1], mask, requests)[0]
    torch.testing.assert_close(kept, image[:, :1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", [entry.name for entry in fields(ScannerAugmentation)])
def test_numbers_out_of_range_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} of ScannerAugmentation must be from .*, got -1: correct it"):
        ScannerAugmentation(**{name: -1})
