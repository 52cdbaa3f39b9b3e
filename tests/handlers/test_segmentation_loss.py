"""The loss of a predicted mask, against sums written by hand."""

import pytest
import torch
import torch.nn.functional as F
from ignite.engine import Engine
from support.network import SIZE, MaskHead, toy_batch, toy_network, toy_trainer
from support.ranks import on_ranks

from bundle.attribution import EAFEM
from bundle.handlers import EvidenceSplit, LocalizationLoss, SegmentationLoss
from bundle.losses import DiceBCELoss, DistributionKL
from bundle.networks import Evidence, WithEvidence

WEIGHT = 3.0
BCE = DiceBCELoss(dice=0)


def call(batch, mask_logits, loss=BCE):
    """Call the handler as an engine would; return the output."""
    engine = Engine(lambda engine, batch: None)
    evidence = Evidence(torch.zeros(len(mask_logits), 1), None, None, None, (4, 4), mask_logits=mask_logits)
    engine.state.batch = batch
    engine.state.output = {"image": batch["image"], "evidence": evidence, "loss": torch.zeros(())}
    SegmentationLoss(loss, WEIGHT)(engine)
    return engine.state.output


@pytest.mark.parametrize(
    ("labels", "supervised", "masked", "counted"),
    [
        ([1, 0, 1, 1], [1, 1, 1, 1], [1, 0, 1, 1], [0, 1, 2, 3]),
        ([1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 1, 0], [1, 2, 3]),  # positive slices of supervised cases only
        ([1, 0, 1, -1], [1, 1, 1, 1], [0, 1, 1, 0], [2]),  # moved out of the picture, something else, no label
        ([1, 0, 1, 1], [0, 0, 0, 0], [1, 0, 1, 1], [1]),  # the empty mask of a negative slice is known
        ([1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1], []),
    ],
)
def test_the_term_is_the_hand_written_one(labels, supervised, masked, counted):
    batch = toy_batch(labels, supervised, [bool(one) for one in masked])
    logits = torch.randn(4, 1, 4, 4, requires_grad=True)
    output = call(batch, logits)
    cell = SIZE // 4
    terms = []
    for index in counted:
        blocks = batch["mask"][index, 0].float().unfold(0, cell, cell).unfold(1, cell, cell)
        share, p = blocks.mean(dim=(2, 3)), logits[index, 0].sigmoid()
        terms.append(-(share * p.log() + (1 - share) * (1 - p).log()).mean())
    expected = sum(terms, torch.zeros(())) / max(len(terms), 1)
    torch.testing.assert_close(output["segmentation_loss"], expected.detach())
    torch.testing.assert_close(output["loss"], WEIGHT * expected)
    assert output["loss"].requires_grad, "the graph stays whole"


def test_both_terms_of_maps_add_up_and_the_evidence_is_gone():
    model = MaskHead()
    handlers = [
        EvidenceSplit(), SegmentationLoss(DiceBCELoss(), WEIGHT), LocalizationLoss(EAFEM(), DistributionKL(), 5.0),
    ]  # fmt: skip
    trainer = toy_trainer(WithEvidence(model), [toy_batch()], handlers)
    trainer.run()
    output = trainer.state.output
    logits = model.forward_evidence(toy_batch()["image"]).logits
    alone = F.binary_cross_entropy_with_logits(logits, toy_batch()["label"])
    torch.testing.assert_close(output["classification_loss"], alone.detach())
    expected = alone + WEIGHT * output["segmentation_loss"] + 5.0 * output["localization_loss"]
    torch.testing.assert_close(output["loss"].detach(), expected.detach())
    assert model.dense.weight.grad.abs().sum() > 0
    assert "evidence" not in output


def test_a_network_that_predicts_no_mask_is_refused():
    trainer = toy_trainer(WithEvidence(toy_network()), [toy_batch()], [EvidenceSplit(), SegmentationLoss(BCE, 1.0)])
    with pytest.raises(ValueError, match=r"mask_logits must be a tensor .* segmentation_weight to 0"):
        trainer.run()


def test_the_loss_sees_float32_under_autocast():
    seen = {}

    def loss(logits, batch):
        seen.update(batch, logits=logits)
        return (logits.flatten(2) @ logits.flatten(2).transpose(1, 2)).mean()

    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = call(toy_batch(), torch.rand(4, 1, 4, 4, dtype=torch.bfloat16, requires_grad=True), loss)
    assert {seen[name].dtype for name in ("logits", "image", "mask", "weight")} == {torch.float32}
    assert seen["mask"].shape == (4, 1, 4, 4)
    assert output["loss"].dtype == torch.float32


def test_ranks_that_share_a_batch_add_up_to_one_process(monkeypatch):
    batch, logits = toy_batch([1, 0, 1, 1, 0, 1], supervised=[1, 1, 0, 1, 1, 1]), torch.randn(6, 1, 4, 4)

    def loss(chosen):
        mine = {name: value[chosen] for name, value in batch.items() if isinstance(value, torch.Tensor)}
        return call(mine, logits[chosen], DiceBCELoss())["loss"]

    ranks = on_ranks(monkeypatch, lambda: loss(slice(0, 2)), lambda: loss(slice(2, 6)))
    torch.testing.assert_close(torch.stack(ranks).mean(dim=0), loss(slice(0, 6)))  # what DDP does with gradients
