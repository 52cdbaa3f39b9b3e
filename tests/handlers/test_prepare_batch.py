"""A batch of the store becomes what engines take."""

import pytest
import torch
from support.network import toy_batch

from bundle.handlers import PrepareSliceBatch


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (torch.tensor([0, 51, 204], dtype=torch.uint8), [0, 0.2, 0.8]),
        (torch.tensor([-0.25, 0.5, 1.25], dtype=torch.float16), [-0.25, 0.5, 1.25]),
        (torch.tensor([-0.25, 0.5, 1.25]), [-0.25, 0.5, 1.25]),
    ],
)
def test_images_become_float32(stored, expected):
    batch = {"image": stored.reshape(1, 1, 1, 3), "label": torch.ones(1, 1)}
    image, label = PrepareSliceBatch()(batch, "cpu")
    assert image.dtype == torch.float32
    assert image.flatten().tolist() == pytest.approx(expected)
    assert batch["image"] is image
    assert label is batch["label"]


def test_every_tensor_moves_and_nothing_else():
    batch = toy_batch()
    image, label = PrepareSliceBatch()(batch, torch.device("meta"), non_blocking=True, dtype=None)
    assert image.device.type == label.device.type == "meta"
    moved = {name: value for name, value in batch.items() if isinstance(value, torch.Tensor)}
    assert {value.device.type for value in moved.values()} == {"meta"}
    assert moved["mask"].dtype == torch.uint8
    assert batch["case"] == ["a"] * 4


def test_memory_format():
    image, _ = PrepareSliceBatch(torch.channels_last)(toy_batch(), "cpu")
    assert image.is_contiguous(memory_format=torch.channels_last)
