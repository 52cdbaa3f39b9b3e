"""Logits to the loss, evidence aside."""

import pytest
import torch
from support.network import toy_batch, toy_evaluator, toy_network, toy_trainer

from bundle.handlers import EvidenceSplit
from bundle.networks import Evidence, WithEvidence


def test_the_loss_sees_logits_and_handlers_after_it_the_evidence():
    trainer = toy_trainer(WithEvidence(toy_network()), [toy_batch(), toy_batch()], [EvidenceSplit()])
    outputs, at_start = [], []
    trainer.add_event_handler("ITERATION_COMPLETED", lambda engine: outputs.append(dict(engine.state.output)))
    trainer.add_event_handler("ITERATION_STARTED", lambda engine: at_start.append(engine.state.output))
    trainer.run()
    for output in outputs:
        assert isinstance(output["evidence"], Evidence)
        assert output["pred"] is output["evidence"].logits
        assert output["pred"].shape == (4, 1)
    assert at_start == [None, None], "nothing of an iteration outlives it"
    assert "evidence" not in trainer.state.output


@pytest.mark.parametrize("make", [toy_trainer, toy_evaluator])
def test_a_network_without_evidence_is_refused_with_the_remedy(make):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2 * 16 * 16, 1))
    with pytest.raises(TypeError, match=r"got Tensor: train bundle\.networks\.WithEvidence"):
        make(network, [toy_batch()], [EvidenceSplit()]).run()
