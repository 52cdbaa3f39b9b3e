"""Evidence for evaluation, as an attribution method needs it."""

import pytest
import torch
from toy_training import toy_network

from bundle.attribution import EAFEM, Relevance, Rollout
from bundle.inferers import EvidenceInferer


@pytest.mark.parametrize(
    ("attribution", "attentions", "graph"),
    [(EAFEM(), False, False), (Rollout(), True, False), (Relevance(), True, True)],
)
def test_under_no_grad_a_method_gets_what_it_declares(attribution, attentions, graph):
    network, image = toy_network().eval(), torch.rand(3, 2, 16, 16)
    with torch.no_grad():
        evidence = EvidenceInferer(attribution)(image, network)
        assert not torch.is_grad_enabled()
        torch.testing.assert_close(evidence.logits, network(image))
    assert (evidence.attentions is not None) is attentions
    assert evidence.logits.requires_grad is graph


def test_where_gradients_are_on_a_method_without_need_builds_no_graph():
    assert not EvidenceInferer(EAFEM())(torch.rand(1, 2, 16, 16), toy_network()).logits.requires_grad
