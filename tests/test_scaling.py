"""One formula serves maps, slices and scores: bit for bit what each of them is defined as."""

import pytest
import torch

from bundle.scaling import ROUNDING, min_max_normalize


def of_maps(maps):
    """Per map, with a tolerance for rounding: attribution and losses."""
    flat = maps.flatten(1)
    low, high = flat.amin(dim=1, keepdim=True), flat.amax(dim=1, keepdim=True)
    constant = high - low <= ROUNDING * torch.maximum(low.abs(), high.abs())
    unit = (flat - low) / torch.where(constant, torch.ones_like(low), high - low)
    return torch.where(constant, torch.zeros_like(unit), unit).reshape(maps.shape)


def of_slices(slices):
    """Per slice and channel, without tolerance: intensities."""
    low = slices.amin(dim=(-2, -1), keepdim=True)
    span = slices.amax(dim=(-2, -1), keepdim=True) - low
    return (slices - low).div_(torch.where(span > 0, span, torch.ones_like(span)))


def of_scores(values):
    """Per map, without tolerance: intersection over union at a threshold of the map's own range."""
    low, high = values.aminmax(dim=1, keepdim=True)
    return torch.where(high > low, (values - low) / (high - low), torch.zeros_like(values))


def examples(seed):
    """Slices (5, 2, 7, 9): random, constant, constant up to rounding, one step apart, huge."""
    values = torch.randn(5, 2, 7, 9, generator=torch.Generator().manual_seed(seed))
    values[1], values[2], values[3] = 0.25, 0.3 + 1e-8 * torch.arange(9), 1.0
    values[3, :, 0, 0] = torch.nextafter(torch.tensor(1.0), torch.tensor(2.0))
    values[4] *= 1e30
    return values


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("permuted", [False, True])
def test_the_bits_are_those_of_each_users_formula(seed, permuted):
    values = examples(seed)
    values = values.permute(0, 1, 3, 2) if permuted else values
    assert torch.equal(min_max_normalize(values), of_maps(values))
    assert torch.equal(min_max_normalize(values, 2, tolerance=0), of_slices(values))
    assert torch.equal(min_max_normalize(values.flatten(1), tolerance=0), of_scores(values.flatten(1)))


def test_the_gradients_bits_are_those_of_the_formula_for_maps():
    gradients = []
    for formula in (min_max_normalize, of_maps):
        values = examples(0).requires_grad_()
        (formula(values).square() * torch.linspace(0, 1, 9)).sum().backward()
        gradients.append(values.grad)
    assert torch.equal(*gradients)


def test_by_hand():
    maps = torch.tensor([[[2.0, 4.0], [3.0, 6.0]], [[7.0, 7.0], [7.0, 7.0]]])
    assert min_max_normalize(maps).tolist() == [[[0.0, 0.5], [0.25, 1.0]], [[0.0, 0.0], [0.0, 0.0]]]


def test_rounding_makes_no_map():
    maps = 0.3 + 1e-8 * torch.arange(4.0)[None]
    assert min_max_normalize(maps).tolist() == [[0.0, 0.0, 0.0, 0.0]]
    assert min_max_normalize(maps, tolerance=0).max() == 1


def test_a_constant_map_has_a_finite_gradient():
    maps = torch.ones(1, 4, requires_grad=True)
    min_max_normalize(maps).sum().backward()
    assert maps.grad.isfinite().all()


def test_the_input_stays_and_a_map_that_is_not_finite_spoils_no_other():
    maps = torch.rand(3, 4)
    maps[1, 2] = torch.nan
    before = maps.clone()
    scaled = min_max_normalize(maps)
    assert torch.equal(maps.nan_to_num(), before.nan_to_num())
    assert scaled.isnan().all(dim=1).tolist() == [False, True, False]
    assert torch.equal(scaled[[0, 2]], of_maps(before)[[0, 2]])


def test_nothing_waits_for_the_device():
    assert min_max_normalize(torch.zeros(2, 1, 4, 4, device="meta")).shape == (2, 1, 4, 4)
