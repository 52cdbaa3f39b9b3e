import torch
from torch import nn

from bundle.networks.layers import Block


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
    torch.testing.assert_close(ours.with_class_row(tokens)[0], expected)
    torch.testing.assert_close(ours.with_matrix(tokens)[0], expected)


def test_dropout_and_drop_path_act_while_training_only():
    tokens = torch.randn(4, 7, 16)
    for rates in ({"dropout": 0.5, "drop_path": 0.0}, {"dropout": 0.0, "drop_path": 0.5}):
        block = Block(16, 4, **rates)
        assert not torch.equal(block(tokens), block(tokens))
        block.eval()
        assert torch.equal(block(tokens), block(tokens))
