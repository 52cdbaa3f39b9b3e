"""No iteration waits for the device: nothing reads a value before the epoch ends.

Tensors of the device "meta" have no values, so whatever would read one (`.item()`, `.cpu()`, a boolean index) raises.
"""

from contextlib import nullcontext

import pytest
import torch
from ignite.engine import Events
from support.network import MaskHead, toy_batch, toy_network, toy_trainer

from bundle.attribution import EAFEM, ClassAttention, Relevance, Rollout, TokenEmbedding
from bundle.handlers import EpochLosses, EvidenceSplit, LocalizationLoss, SegmentationLoss
from bundle.losses import DiceBCELoss, DistributionKL, GradMaskLoss, RESLoss, RobustViTLoss
from bundle.networks import WithEvidence
from bundle.transforms import SmoothMask

LOCALIZATION = [
    (EAFEM(), DistributionKL()),
    (ClassAttention(), DistributionKL("lgmvit_paper")),
    (TokenEmbedding(), DistributionKL()),
    (Rollout(), DistributionKL()),
    (Relevance(), GradMaskLoss()),
    (Relevance(), RobustViTLoss()),
    (Relevance(), RESLoss()),
]


@pytest.mark.parametrize(("attribution", "loss"), LOCALIZATION)
def test_an_iteration_never_waits_for_the_device(attribution, loss, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: nullcontext())  # unknown to this device
    with torch.device("meta"):
        network = toy_network()
    handler = LocalizationLoss(attribution, loss, 30.0, SmoothMask(kernel_size_px=5))
    handlers = [EvidenceSplit(), handler, Added(EpochLosses())]
    wrapped = WithEvidence(network, attentions=attribution.needs_attentions)
    trainer = toy_trainer(wrapped, [toy_batch(), toy_batch()], handlers, device="meta")
    trainer.run()
    assert trainer.state.iteration == 2
    assert trainer.state.output["loss"].device.type == "meta"


def test_the_loss_of_a_predicted_mask_never_waits_either(monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: nullcontext())
    with torch.device("meta"):
        network = MaskHead()
    trainer = toy_trainer(
        WithEvidence(network), [toy_batch()], [EvidenceSplit(), SegmentationLoss(DiceBCELoss(), 1.0)], device="meta"
    )
    trainer.run()
    assert trainer.state.output["loss"].device.type == "meta"


class Added:
    """The part of `EpochLosses` that runs in every iteration; its other part reads the device once an epoch."""

    def __init__(self, losses):
        self.losses = losses

    def attach(self, engine):
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.losses.add)


@pytest.mark.parametrize("read", [torch.Tensor.item, torch.Tensor.cpu, torch.Tensor.nonzero, lambda x: x[x > 0], bool])
def test_the_device_without_values_notices_who_reads(read):
    with pytest.raises((RuntimeError, NotImplementedError)):
        read(torch.zeros((), device="meta") if read is bool else torch.zeros(1, device="meta"))
