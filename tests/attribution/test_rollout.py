import pytest
import torch

from bundle.attribution import Rollout
from bundle.networks import Evidence
from bundle.scaling import min_max_normalize


def evidence_of(*matrices):
    return Evidence(torch.zeros(1, 1), matrices[-1][:, :, 0, 1:], matrices, torch.zeros(1, 4, 2), (2, 2))


def test_two_blocks_by_hand():
    first = torch.tensor([[0.2, 0.8, 0.0, 0.0, 0.0]] + [[0.0, 0.0, 0.0, 0.0, 1.0]] * 4)[None, None]
    second = torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0]] + [[0.2] * 5] * 4)[None, None]
    evidence = evidence_of(first, second)
    # row of (A2 + I) / 2: [.5, 0, .5, 0, 0]; times A1: [.1, .4, 0, 0, .5]; times (A1 + I) / 2: [.3, .2, .25, 0, .25]
    assert Rollout(reference=True)(evidence, (2, 2)).flatten().tolist() == pytest.approx([0.8, 0, 0, 1])
    assert Rollout()(evidence, (2, 2)).flatten().tolist() == pytest.approx([0.8, 1, 0, 1])


@pytest.mark.parametrize("reference", [False, True])
def test_row_by_row_equals_the_product_of_matrices(reference):
    matrices = [torch.rand(2, 3, 5, 5).softmax(dim=-1) for _ in range(4)]
    means, identity = [matrix.mean(dim=1) for matrix in matrices], torch.eye(5)
    product = means[0] if reference else (means[0] + identity) / 2
    for mean in means[1:]:
        product = (mean + identity) / 2 @ product
    expected = min_max_normalize(product[:, 0, 1:]).reshape(2, 1, 2, 2)
    torch.testing.assert_close(Rollout(reference)(evidence_of(*matrices), (2, 2)), expected)


def test_one_block_looks_where_that_block_looks():
    matrix = torch.tensor([[0.2, 0.4, 0.1, 0.3, 0.0]] + [[0.2] * 5] * 4)[None, None]
    for reference in (False, True):
        found = Rollout(reference)(evidence_of(matrix), (2, 2)).flatten()
        assert found.tolist() == pytest.approx([1, 0.25, 0.75, 0])
