"""Attention of one block and of several, by hand."""

import pytest
import torch

from bundle.attribution import ClassAttention
from bundle.networks import Evidence


def evidence_of(*class_rows):
    """One slice, one head, one row of the CLS token per block; the first column is its own."""
    matrices = []
    for row in class_rows:
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
    with pytest.raises(ValueError, match="num_blocks of at least 1, got 0"):
        ClassAttention(0)


def test_more_blocks_than_the_network_has_are_refused():
    with pytest.raises(ValueError, match="expected 3 blocks, got a network of 2"):
        ClassAttention(3)(evidence_of([0.2] * 5, [0.2] * 5), (2, 2))
