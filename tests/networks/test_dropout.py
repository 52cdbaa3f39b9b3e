"""Compared with the binomial law and with what PyTorch's dropout promises."""

import pytest
import torch

from bundle.networks.layers import Dropout, draw_16_bits

COUNT = 2**20


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_drops_its_share_and_keeps_the_mean(rate):
    torch.manual_seed(0)
    ones = torch.ones(COUNT, requires_grad=True)
    dropped = Dropout(rate)(ones)
    share = (dropped == 0).double().mean().item()
    deviation = (rate * (1 - rate) / COUNT) ** 0.5
    assert share == pytest.approx(rate, abs=5 * deviation + 2**-17)
    assert dropped.max().item() == pytest.approx(1 / (1 - rate), rel=2**-16 / (1 - rate))
    (gradient,) = torch.autograd.grad(dropped.sum(), ones)
    assert torch.equal(gradient, dropped)  # d(m x)/dx = m x for x = 1


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    kept = Dropout(0.5)(torch.ones(COUNT)) > 0
    for distance in range(1, 9):  # four draws share a random number
        both = (kept[distance:] & kept[:-distance]).double().mean().item()
        assert both == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / COUNT) ** 0.5 * 1.5)


def test_draws_cover_16_bits_evenly():
    torch.manual_seed(0)
    draws = draw_16_bits(COUNT + 3)
    assert len(draws) == COUNT + 3
    counts = torch.bincount((draws.long() + 2**15) >> 8, minlength=256).double()
    expected = len(draws) / 256
    chi_squared = ((counts - expected) ** 2 / expected).sum().item()
    assert chi_squared < 255 + 5 * (2 * 255) ** 0.5


def test_follows_the_generator():
    x = torch.rand(7, 3)
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(Dropout(0.5)(x))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("module", [Dropout(0.5).eval(), Dropout(0.0)])
def test_leaves_tokens_alone_outside_training_and_at_rate_0(module):
    x = torch.rand(4, 5)
    assert module(x) is x


def test_keeps_type_and_device():
    assert Dropout(0.5)(torch.ones(3, 5, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert Dropout(0.5)(torch.ones(3, 5, device="meta")).device.type == "meta"


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_refuses_a_rate_out_of_range(rate):
    with pytest.raises(ValueError, match=r"expected a rate in \[0, 1\)"):
        Dropout(rate)


def test_compiles_without_a_break():
    compiled = torch.compile(Dropout(0.5), backend="eager", fullgraph=True)
    assert compiled(torch.ones(1000)).unique().tolist() == [0.0, 2.0]
