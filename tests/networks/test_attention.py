import pytest
import torch
from torch import nn

from bundle.networks.layers import Attention


@pytest.fixture
def pair():
    """Our attention, and PyTorch's with the same weights."""
    ours, theirs = Attention(16, 4, qkv_bias=True), nn.MultiheadAttention(16, 4, batch_first=True)
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.qkv.weight.data, ours.qkv.bias.data
    theirs.out_proj.weight.data, theirs.out_proj.bias.data = ours.proj.weight.data, ours.proj.bias.data
    return ours, theirs


def test_agrees_with_pytorch(pair):
    ours, theirs = pair
    tokens = torch.randn(2, 7, 16)
    expected, matrix = theirs(tokens, tokens, tokens, average_attn_weights=False)
    torch.testing.assert_close(ours(tokens), expected)
    for found, attention, wanted in (
        (*ours.with_class_row(tokens), matrix[:, :, 0]),
        (*ours.with_matrix(tokens), matrix),
    ):
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(attention, wanted)


def test_class_row_carries_gradient_to_queries_and_keys():
    attention = Attention(16, 4)
    _, row = attention.with_class_row(torch.randn(2, 7, 16))
    row[:, :, 1].sum().backward()
    queries, keys, values = attention.qkv.weight.grad.chunk(3)
    assert queries.abs().sum() > 0
    assert keys.abs().sum() > 0
    assert values.abs().sum() == 0


def test_output_depends_on_the_matrix_it_returns():
    attention = Attention(16, 4)
    output, matrix = attention.with_matrix(torch.randn(2, 7, 16))
    (gradient,) = torch.autograd.grad(output.sum(), matrix)
    assert gradient.abs().sum() > 0


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="got 5 heads of 16"):
        Attention(16, 5)
