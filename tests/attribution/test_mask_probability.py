"""The predicted mask as a map, and the evidence that it needs."""

import pytest
import torch
import torch.nn.functional as F

from bundle.attribution import EAFEM, ClassAttention, GradCAM, MaskProbability, Rollout, TokenEmbedding
from bundle.networks import Evidence


def test_the_map_is_the_resized_sigmoid_on_whatever_grid():
    logits = torch.tensor([[[[-1.0, 0.0, 2.0], [3.0, -4.0, 50.0]]]])
    evidence = Evidence(torch.zeros(1, 1), None, None, torch.ones(1, 16, 3), (4, 4), mask_logits=logits)
    expected = F.interpolate(1 / (1 + (-logits).exp()), size=(8, 6), mode="bilinear", align_corners=False)
    torch.testing.assert_close(MaskProbability()(evidence, (8, 6)), expected)


@pytest.mark.parametrize(
    ("method", "part"),
    [
        (EAFEM(), "class_attention"),
        (ClassAttention(), "class_attention"),
        (TokenEmbedding(), "tokens"),
        (Rollout(), "attentions"),
        (MaskProbability(), "mask_logits"),
        (GradCAM(), "features"),
    ],
)
def test_what_a_network_does_not_give_is_named(method, part):
    bare = Evidence(torch.zeros(1, 1), None, None, None, (1, 1))
    with pytest.raises(ValueError, match=rf"evidence\.{part} must .* got None: .*"):
        method(bare, (8, 8))
