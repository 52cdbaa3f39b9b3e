"""Maps, losses and their gradients are those of the CPU within rounding; every method of the tables takes part."""

import pytest
import torch
from attribution.test_attributions import METHODS, make_network
from losses.test_localization_losses import LOSSES, make_batch
from support.network import toy_batch

from bundle.attribution import EAFEM
from bundle.losses import DistributionKL, SliceClassificationLoss
from bundle.metrics import map_scores
from bundle.transforms import SliceTransform, SmoothMask

pytestmark = pytest.mark.gpu

SINGLE = 1e-3
"""Tolerance in float32, of the largest value: sums in another order, and a min-max that magnifies them."""
HALF = 0.03
"""Tolerance in bfloat16, of the largest value: 8 bits of precision, through three blocks."""


def assert_near(found, expected, share, name=""):
    """Compare with a tolerance that is a share of the largest value: small values are differences of large ones."""
    largest = float(expected.detach().abs().nan_to_num().max())
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=share * largest, equal_nan=True, msg=name or None)


def on(device, value):
    """Move tensors, and dictionaries of them."""
    return {key: tensor.to(device) for key, tensor in value.items()} if isinstance(value, dict) else value.to(device)


def map_and_gradient(method, device, dtype=torch.float32):
    """Return a map and the gradient of the first block by a sum of it."""
    torch.manual_seed(0)
    network = make_network(dropout=0, drop_path=0)
    image = torch.rand(4, 3, 32, 32)
    network, image = network.to(device), image.to(device)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        evidence = network.forward_evidence(image, attentions=method.needs_attentions)
    found = method(evidence, (32, 32))
    (found * torch.linspace(0, 1, 32, device=device)).sum().backward()
    return found.detach().cpu(), network.blocks[0].attn.qkv.weight.grad.cpu()


@pytest.mark.parametrize("name", METHODS)
def test_maps_and_their_gradients_are_those_of_the_cpu(name, device):
    expected = map_and_gradient(METHODS[name], torch.device("cpu"))
    for one, other in zip(map_and_gradient(METHODS[name], device), expected, strict=True):
        assert_near(one, other, SINGLE)


def test_a_map_in_bfloat16_is_near(device):
    expected, _ = map_and_gradient(EAFEM(), torch.device("cpu"))
    found, _ = map_and_gradient(EAFEM(), device, torch.bfloat16)
    assert_near(found, expected, HALF)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_gradients_are_those_of_the_cpu(name, device):
    attribution, batch, results = torch.rand(4, 1, 32, 32), make_batch(weight=[1.0, 1.0, 0.0, 1.0]), []
    for place in (torch.device("cpu"), device):
        torch.manual_seed(0)
        moved = attribution.to(place, copy=True).requires_grad_()
        value = LOSSES[name]().to(place)(moved, on(place, batch))
        value.backward()
        results.append((value.detach().cpu(), moved.grad.cpu()))
    for one, other in zip(*results, strict=True):
        assert_near(one, other, SINGLE)


def test_the_loss_of_the_label_is_that_of_the_cpu(device):
    for classes, label in ((1, torch.tensor([[1.0], [-1.0], [0.0]])), (4, torch.tensor([1, -1, 3]))):
        logits, loss = torch.randn(3, classes), SliceClassificationLoss(classes)
        assert_near(loss(logits.to(device), label.to(device)), loss(logits, label), SINGLE)


def test_slices_blur_and_scores_are_those_of_the_cpu(device):
    transform, mask = SliceTransform(64), toy_batch()["mask"]
    slices, maps = torch.rand(4, 3, 40, 52), torch.rand(4, 1, 16, 16)
    actions = {
        "image": lambda place: transform.image(slices.to(place)),
        "mask": lambda place: transform.mask(mask.to(place)),
        "inverse": lambda place: transform.inverse(maps.to(place), (40, 52)),
        "blur": lambda place: SmoothMask(5)(mask.to(place)),
        "iou": lambda place: map_scores(maps.to(place), mask.to(place))["iou"],
    }
    for name, action in actions.items():
        assert_near(action(device), action("cpu"), SINGLE, f"{name} differs")


def test_the_precision_of_a_run_changes_the_loss_by_less_than_a_hundredth(device):
    """PyTorch's default lets a GPU's convolutions round to TF32, so the blur of a run does too."""
    torch.backends.cudnn.allow_tf32 = True
    mask = torch.zeros(2, 1, 64, 64)
    mask[..., 20:40, 10:30] = 1
    attribution, values = EAFEM.to_image(torch.rand(2, 64), (8, 8), (64, 64)), []
    for place in (torch.device("cpu"), device):
        batch = {"smoothed_mask": SmoothMask(13)(mask.to(place)), "weight": torch.ones(2, device=place)}
        values.append(DistributionKL()(attribution.to(place), batch).item())
    assert values[1] == pytest.approx(values[0], rel=1e-2)
