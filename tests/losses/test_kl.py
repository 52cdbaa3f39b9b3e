import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import softmax
from scipy.stats import entropy

from bundle.attribution import Attribution
from bundle.losses import DistributionKL, PatchShareKL


def make(seed=0, size=3):
    generator = torch.Generator().manual_seed(seed)
    attribution, target = torch.rand(2, size, 1, 8, 8, generator=generator, dtype=torch.float32)
    return attribution, {"smoothed_mask": target, "weight": torch.tensor([1.0, 0.0, 1.0])}


def test_variant_lgmvit_code_is_scipys_divergence_of_two_softmaxes():
    attribution, batch = make()
    p, q = (softmax(x.flatten(1).double().numpy(), axis=1) for x in (attribution, batch["smoothed_mask"]))
    expected = np.mean([entropy(q[i], p[i]) for i in (0, 2)])
    assert DistributionKL()(attribution, batch).item() == pytest.approx(expected, rel=1e-4)


def test_variant_lgmvit_paper_takes_the_mask_as_it_is_and_the_mean_over_pixels():
    attribution, batch = make()
    p, y = softmax(attribution.flatten(1).double().numpy(), axis=1), batch["smoothed_mask"].flatten(1).numpy()
    expected = np.mean([np.mean(y[i] * (np.log(y[i]) - np.log(p[i]))) for i in (0, 2)])
    assert DistributionKL("lgmvit_paper")(attribution, batch).item() == pytest.approx(expected, rel=1e-5)


def test_variant_lgmvit_paper_knows_that_zero_adds_nothing():
    batch = {"smoothed_mask": torch.zeros(1, 1, 4, 4), "weight": torch.ones(1)}
    assert DistributionKL("lgmvit_paper")(torch.rand(1, 1, 4, 4), batch).item() == 0


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


def loss_of(attention, mask, weight=(1.0,)):
    """For attention (B, 4) on 2 x 2 patches of 4 x 4 pixels and a mask (B, 1, 8, 8)."""
    maps = Attribution.to_image(torch.tensor(attention), (2, 2), (8, 8))
    return PatchShareKL(patch_size=4)(maps, {"mask": mask, "weight": torch.tensor(weight)})


def mask_of(*pixels):
    """So many pixels of each of the four patches."""
    return torch.cat([(torch.arange(16) < count).reshape(1, 1, 4, 4) for count in pixels]).reshape(
        1, 2, 2, 4, 4
    ).permute(0, 1, 3, 2, 4).reshape(1, 1, 8, 8).to(torch.uint8)  # fmt: skip


@pytest.mark.parametrize("pixels", [(16, 16, 0, 0), (1, 3, 0, 12), (5, 0, 0, 0)])
def test_is_the_divergence_of_the_shares(pixels):
    attention = [0.1, 0.2, 0.05, 0.4]  # need not sum to 1: the CLS token has its own share
    expected = entropy(np.array(pixels) / sum(pixels), np.array(attention) / sum(attention))
    assert loss_of([attention], mask_of(*pixels)).item() == pytest.approx(expected, rel=1e-4)


def test_attention_shared_out_like_the_lesion_costs_nothing():
    assert loss_of([[0.1, 0.3, 0.1, 0.0]], mask_of(3, 9, 3, 0)).item() == pytest.approx(0, abs=1e-5)


def test_a_slice_without_lesion_asks_for_equal_shares():
    assert loss_of([[0.2, 0.2, 0.2, 0.2]], mask_of(0, 0, 0, 0)).item() == pytest.approx(0, abs=1e-5)
    assert loss_of([[0.8, 0.1, 0.1, 0.1]], mask_of(0, 0, 0, 0)).item() > 0.1


def test_gradient_moves_attention_to_the_lesion():
    attention = torch.full((1, 4), 0.25, requires_grad=True)
    maps = F.interpolate(attention.reshape(1, 1, 2, 2), size=(8, 8), mode="bilinear")
    PatchShareKL(4)(maps, {"mask": mask_of(0, 16, 0, 0), "weight": torch.ones(1)}).backward()
    gradient = attention.grad[0]
    assert gradient[1] < 0
    assert (gradient[[0, 2, 3]] > 0).all()
