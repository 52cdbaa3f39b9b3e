import math

import pytest
import torch
from torch import nn

from bundle.networks.embeddings import PatchEmbedding, PositionEncoding, reference_code, sincos_code


def test_a_token_is_the_projection_of_its_patch():
    embed = PatchEmbedding(2, 5, patch_size=4, norm="none")
    image = torch.rand(1, 2, 8, 12)
    patch = image[0, :, 4:8, 8:12].flatten()  # row 1, column 2 of a 2 x 3 grid
    expected = embed.proj.weight.flatten(1) @ patch + embed.proj.bias
    torch.testing.assert_close(embed(image)[0, 1 * 3 + 2], expected)


def test_batch_norm_makes_every_channel_standard_while_training():
    tokens = PatchEmbedding(3, 6, patch_size=4, norm="batch").train()(torch.rand(8, 3, 16, 16))
    torch.testing.assert_close(tokens.mean(dim=(0, 1)), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(tokens.std(dim=(0, 1), unbiased=False), torch.ones(6), atol=1e-3, rtol=0)


def test_norm_can_be_made_synchronous():
    embed = nn.SyncBatchNorm.convert_sync_batchnorm(PatchEmbedding(3, 6, patch_size=4))
    assert isinstance(embed.norm, nn.SyncBatchNorm)


def test_unknown_norm_is_refused():
    with pytest.raises(ValueError, match=r"\['batch', 'none'\], got 'layer'"):
        PatchEmbedding(3, 6, patch_size=4, norm="layer")


def test_sincos_tells_row_and_column_by_hand():
    code = sincos_code((2, 3), 8).reshape(2, 3, 8)
    for row in range(2):
        for column in range(3):
            expected = [
                f(position * w) for position in (row, column) for f in (math.sin, math.cos) for w in (1.0, 0.01)
            ]
            assert code[row, column].tolist() == pytest.approx(expected, abs=1e-6)


def test_sincos_gives_every_patch_its_own_code():
    assert len(torch.unique(sincos_code((16, 16), 64), dim=0)) == 256


def test_reference_code_tells_columns_only():
    code = reference_code((16, 16), 768).reshape(16, 16, 768)
    assert torch.equal(code, code[:1].expand_as(code))
    assert len(torch.unique(code[0], dim=0)) == 16


@pytest.mark.parametrize(("channel", "column"), [(0, 0), (1, 0), (5, 1), (7, 2), (767, 15)])
def test_reference_code_follows_its_formula(channel, column):
    angle = channel * 10000 ** (-2 * (column // 2) / 384)
    expected = math.cos(angle) if column % 2 else math.sin(angle)
    assert float(reference_code((1, 16), 768)[column, channel]) == pytest.approx(expected, abs=5e-5)


def test_formula_is_no_weight_and_learned_is_one():
    assert not PositionEncoding("sincos", (2, 2), 8).state_dict()
    learned = PositionEncoding("learned", (2, 2), 8)
    learned(torch.zeros(3, 4, 8)).sum().backward()
    assert torch.equal(learned.code.grad, torch.full((4, 8), 3.0))


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"\['learned', 'reference', 'sincos'\], got 'rotary'"):
        PositionEncoding("rotary", (2, 2), 8)
    with pytest.raises(ValueError, match="multiple of 4, got 6"):
        PositionEncoding("sincos", (2, 2), 6)
