import pytest
import torch

from bundle.networks.layers import DropPath


def test_drops_whole_samples_and_scales_the_rest():
    torch.manual_seed(0)
    kept = DropPath(0.25).train()(torch.ones(4000, 2, 3))
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(kept, kept[:, :1, :1].expand_as(kept))
    assert float(kept.mean()) == pytest.approx(1, abs=0.05)


def test_is_identity_in_evaluation_and_at_rate_zero():
    branch = torch.rand(2, 3)
    assert torch.equal(DropPath(0.5).eval()(branch), branch)
    assert torch.equal(DropPath(0.0).train()(branch), branch)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_must_be_a_share(rate):
    with pytest.raises(ValueError, match=rf"\[0, 1\), got {rate}"):
        DropPath(rate)
