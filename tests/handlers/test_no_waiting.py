"""No iteration waits for the device: nothing reads a value before the epoch ends, nothing is copied to it anew.

Tensors of the device "meta" have no values, so whatever would read one (`.item()`, `.cpu()`, a boolean index) raises.
A copy from the CPU raises nothing; `CopiesToDevice` notes it.
"""

from contextlib import nullcontext

import pytest
import torch
from ignite.engine import Events
from support.network import MaskHead, toy_batch, toy_network, toy_trainer
from torch.utils._python_dispatch import TorchDispatchMode

from bundle.attribution import EAFEM, ClassAttention, Relevance, Rollout, TokenEmbedding
from bundle.handlers import EpochLosses, EvidenceSplit, LocalizationLoss, PrepareSliceBatch, SegmentationLoss
from bundle.losses import DiceBCELoss, DistributionKL, GradMaskLoss, PatchShareKL, RESLoss, RobustViTLoss
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
    (Relevance(), RESLoss("learned", patch_size=4, in_channels=2)),
    (Relevance(), RESLoss("original_gaussian", patch_size=4, outside="negative")),
    (Relevance(), RESLoss("original_learned", patch_size=4)),
    (ClassAttention(), PatchShareKL(patch_size=4)),
]


@pytest.mark.parametrize(("attribution", "loss"), LOCALIZATION)
def test_an_iteration_never_waits_for_the_device(attribution, loss, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: nullcontext())  # unknown to this device
    with torch.device("meta"):
        network = toy_network()
    handler = LocalizationLoss(attribution, loss.to("meta"), 30.0, SmoothMask(kernel_size_px=5))
    handlers = [EvidenceSplit(), handler, Added(EpochLosses())]
    wrapped = WithEvidence(network, attentions=attribution.needs_attentions)
    batches = [toy_batch(), toy_batch()]
    for batch in batches:
        PrepareSliceBatch()(batch, "meta")  # from pinned memory this does not wait
    toy_trainer(wrapped, batches, handlers, device="meta").run()  # the first step may make what later ones keep
    trainer = toy_trainer(wrapped, batches, handlers, device="meta")
    with CopiesToDevice() as copies:
        trainer.run()
    assert trainer.state.iteration == 2
    assert trainer.state.output["loss"].device.type == "meta"
    assert copies.shapes == []


class CopiesToDevice(TorchDispatchMode):
    """Notes the shapes of tensors that are copied from the CPU to another device."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        is_copy = function.overloadpacket in (torch.ops.aten._to_copy, torch.ops.aten.copy_)
        if is_copy and result.device.type != "cpu" and arguments[-1].device.type == "cpu":
            self.shapes.append(tuple(result.shape))
        return result


@pytest.mark.parametrize(
    "copy", [lambda: torch.zeros(3).to("meta"), lambda: torch.zeros(3, device="meta").copy_(torch.zeros(3))]
)
def test_a_copy_to_the_device_is_noticed(copy):
    with CopiesToDevice() as copies:
        copy()
    assert copies.shapes == [(3,)]


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
