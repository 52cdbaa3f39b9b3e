import pytest
import torch
from torch import nn

from bundle.networks.layers import Attention, Block, Dropout, draw_16_bits


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
        (*ours.with_cls_attention(tokens), matrix[:, :, 0]),
        (*ours.with_matrix(tokens), matrix),
    ):
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(attention, wanted)


def test_cls_attention_carries_gradient_to_queries_and_keys():
    attention = Attention(16, 4)
    _, row = attention.with_cls_attention(torch.randn(2, 7, 16))
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
    with pytest.raises(ValueError, match="must divide hidden_size 16, got 5"):
        Attention(16, 5)


def test_agrees_with_pytorchs_encoder_layer():
    ours = Block(16, 4, mlp_ratio=2.0, qkv_bias=True).eval()
    theirs = nn.TransformerEncoderLayer(16, 4, 32, activation="gelu", batch_first=True, norm_first=True).eval()
    names = {
        "self_attn.in_proj_": "attn.qkv.",
        "self_attn.out_proj.": "attn.proj.",
        "linear1.": "mlp.fc1.",
        "linear2.": "mlp.fc2.",
    }
    state = ours.state_dict()
    renamed = {}
    for name in theirs.state_dict():
        own = name
        for old, new in names.items():
            own = own.replace(old, new)
        renamed[name] = state[own]
    theirs.load_state_dict(renamed)
    tokens = torch.randn(2, 7, 16)
    expected = theirs(tokens)
    torch.testing.assert_close(ours(tokens), expected)
    torch.testing.assert_close(ours.with_cls_attention(tokens)[0], expected)
    torch.testing.assert_close(ours.with_matrix(tokens)[0], expected)


def test_dropout_and_drop_path_act_while_training_only():
    tokens = torch.randn(4, 7, 16)
    for rates in ({"dropout": 0.5, "drop_path": 0.0}, {"dropout": 0.0, "drop_path": 0.5}):
        block = Block(16, 4, **rates)
        assert not torch.equal(block(tokens), block(tokens))
        block.eval()
        assert torch.equal(block(tokens), block(tokens))


def drop_path(rate, training=True):
    return Block(16, 4, drop_path=rate).train(training).drop


def test_drops_whole_samples_and_scales_the_rest():
    torch.manual_seed(0)
    kept = drop_path(0.25)(torch.ones(4000, 2, 3))
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(kept, kept[:, :1, :1].expand_as(kept))
    assert float(kept.mean()) == pytest.approx(1, abs=0.05)


def test_is_identity_in_evaluation_and_at_rate_zero():
    branch = torch.rand(2, 3)
    assert torch.equal(drop_path(0.5, training=False)(branch), branch)
    assert torch.equal(drop_path(0.0)(branch), branch)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_must_be_a_share(rate):
    with pytest.raises(ValueError, match=rf"\[0, 1\), got {rate}"):
        drop_path(rate)


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


def test_neighbors_are_dropped_independently():
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
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\)"):
        Dropout(rate)


@pytest.mark.no_cover
def test_compiles_without_a_break():
    compiled = torch.compile(Dropout(0.5), backend="eager", fullgraph=True)
    assert compiled(torch.ones(1000)).unique().tolist() == [0.0, 2.0]
