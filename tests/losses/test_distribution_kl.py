import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy

from bundle.losses import DistributionKL


def make(seed=0, size=3):
    generator = torch.Generator().manual_seed(seed)
    attribution, target = torch.rand(2, size, 1, 8, 8, generator=generator, dtype=torch.float32)
    return attribution, {"smoothed_mask": target, "weight": torch.tensor([1.0, 0.0, 1.0])}


def test_reference_form_is_scipys_divergence_of_two_softmaxes():
    attribution, batch = make()
    p, q = (softmax(x.flatten(1).double().numpy(), axis=1) for x in (attribution, batch["smoothed_mask"]))
    expected = np.mean([entropy(q[i], p[i]) for i in (0, 2)])
    assert DistributionKL()(attribution, batch).item() == pytest.approx(expected, rel=1e-4)


def test_paper_form_takes_the_mask_as_it_is_and_the_mean_over_pixels():
    attribution, batch = make()
    p, y = softmax(attribution.flatten(1).double().numpy(), axis=1), batch["smoothed_mask"].flatten(1).numpy()
    expected = np.mean([np.mean(y[i] * (np.log(y[i]) - np.log(p[i]))) for i in (0, 2)])
    assert DistributionKL("paper")(attribution, batch).item() == pytest.approx(expected, rel=1e-5)


def test_paper_form_knows_that_zero_adds_nothing():
    batch = {"smoothed_mask": torch.zeros(1, 1, 4, 4), "weight": torch.ones(1)}
    assert DistributionKL("paper")(torch.rand(1, 1, 4, 4), batch).item() == 0


def test_is_zero_for_equal_maps_and_blind_to_a_shift():
    attribution, batch = make()
    same = DistributionKL()(batch["smoothed_mask"] + 5, batch)
    assert same.item() == pytest.approx(0, abs=1e-6)
    assert DistributionKL()(attribution, batch) > 1e-3


def test_two_pixels_by_hand():
    batch = {"smoothed_mask": torch.tensor([[[[0.0, 0.0]]]]), "weight": torch.ones(1)}
    attribution = torch.tensor([[[[0.0, np.log(3)]]]], dtype=torch.float32)  # softmax 1/4, 3/4
    expected = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    assert DistributionKL()(attribution, batch).item() == pytest.approx(expected, rel=1e-5)
