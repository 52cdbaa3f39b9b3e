"""Attention of one block and of several, by hand."""

import pytest
import torch

from bundle.attribution import EAFEM, ClassAttention, TokenEmbedding
from bundle.networks import Evidence


def evidence_of(*cls_rows):
    """One slice, one head, one row of the CLS token per block; the first column is its own."""
    matrices = []
    for row in cls_rows:
        matrix = torch.zeros(1, 1, 5, 5)
        matrix[0, 0, 0] = torch.tensor(row)
        matrices.append(matrix)
    return Evidence(torch.zeros(1, 1), matrices[-1][:, :, 0, 1:], tuple(matrices), torch.zeros(1, 4, 2), (2, 2))


@pytest.mark.parametrize(
    ("num_blocks", "expected"),
    [(1, [0.0, 0.0, 0.5, 0.5]), (2, [0.0, 0.25, 0.25, 0.25]), (3, [0.3, 0.2, 0.2, 0.2])],
)
def test_the_mean_over_the_last_blocks(num_blocks, expected):
    evidence = evidence_of([0.0, 0.9, 0.1, 0.1, 0.1], [0.5, 0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5, 0.5])
    found = ClassAttention(num_blocks).grid_map(evidence)
    torch.testing.assert_close(found, torch.tensor([expected]))


def test_no_block_is_refused():
    with pytest.raises(ValueError, match="num_blocks must be at least 1, got 0"):
        ClassAttention(0)


def test_more_blocks_than_the_network_has_are_refused():
    with pytest.raises(ValueError, match="at most the network's 2, got 3"):
        ClassAttention(3)(evidence_of([0.2] * 5, [0.2] * 5), (2, 2))


@pytest.fixture
def evidence():
    attention = torch.tensor([[[0.1, 0.2, 0.0, 0.3], [0.3, 0.2, 0.2, 0.1]]])  # two heads, four patches
    tokens = torch.tensor([[[1.0, 3.0], [0.0, -2.0], [4.0, 4.0], [0.0, 0.0]]])
    return Evidence(torch.zeros(1, 1), attention, None, tokens, (2, 2))


def test_halves_and_mixture_by_hand(evidence):
    assert ClassAttention()(evidence, (2, 2)).flatten().tolist() == pytest.approx([0.2, 0.2, 0.1, 0.2])
    assert TokenEmbedding()(evidence, (2, 2)).flatten().tolist() == pytest.approx([2, -1, 4, 0])
    assert EAFEM(beta=0.75)(evidence, (2, 2)).flatten().tolist() == pytest.approx([0.65, -0.1, 1.075, 0.15])


@pytest.mark.parametrize(("beta", "half"), [(1.0, ClassAttention()), (0.0, TokenEmbedding())])
def test_ends_of_beta_are_the_halves(beta, half, evidence):
    torch.testing.assert_close(EAFEM(beta=beta)(evidence, (8, 8)), half(evidence, (8, 8)))


def test_resize_is_bilinear_between_patch_centers(evidence):
    row = TokenEmbedding()(evidence, (2, 4))[0, 0, 0]  # 2, -1 at half-pixel centers, ends kept
    assert row.tolist() == pytest.approx([2, 1.25, -0.25, -1])


def test_mixing_after_the_resize_gives_the_same(evidence):
    mixed = 0.85 * ClassAttention()(evidence, (16, 16)) + 0.15 * TokenEmbedding()(evidence, (16, 16))
    torch.testing.assert_close(EAFEM(beta=0.85)(evidence, (16, 16)), mixed)


@pytest.mark.parametrize("beta", [-0.1, 1.5])
def test_beta_must_be_a_share(beta):
    with pytest.raises(ValueError, match=rf"\[0, 1\], got {beta}"):
        EAFEM(beta=beta)
