import pytest
import torch
from torch import nn

from bundle.networks.embeddings import PatchEmbedding


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
