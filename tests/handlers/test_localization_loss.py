"""The second term of the loss, against sums written by hand."""

import pytest
import torch
import torch.nn.functional as F
from ignite.engine import Engine
from support.network import SIZE, toy_batch, toy_network, toy_trainer
from support.ranks import on_ranks

from bundle.attribution import EAFEM, Relevance
from bundle.handlers import EvidenceSplit, LocalizationLoss
from bundle.losses import DistributionKL, RobustViTLoss, SliceClassificationLoss
from bundle.networks import Evidence, WithEvidence
from bundle.transforms import SmoothMask

WEIGHT, BETA = 30.0, 0.7
EXACT = {"dropout": 0.0, "drop_path": 0.0}


def hand_written_losses(evidence, batch, counted):
    """Binary cross entropy, and KL(softmax of mask || softmax of map) over the slices `counted`, one at a time."""
    classification = F.binary_cross_entropy_with_logits(evidence.logits, batch["label"])
    divergences = []
    for index in counted:
        attention = evidence.class_attention[index].mean(dim=0)
        patches = BETA * attention + (1 - BETA) * evidence.tokens[index].mean(dim=1)
        whole = F.interpolate(patches.reshape(1, 1, 4, 4), size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        p, q = whole.flatten().softmax(dim=0), batch["mask"][index].float().flatten().softmax(dim=0)
        divergences.append((q * (q / p).log()).sum())
    return classification, sum(divergences) / max(len(counted), 1)


def gradients(network):
    return {name: parameter.grad for name, parameter in network.named_parameters()}


def train_once(network, batch, handler, *more, **options):
    """One iteration with a learning rate of zero, which leaves weights and gradients."""
    wrapped = WithEvidence(network, attentions=handler.attribution.needs_attentions)
    trainer = toy_trainer(wrapped, [batch], [EvidenceSplit(), handler, *more], **options)
    trainer.run()
    return trainer.state.output


@pytest.mark.parametrize(
    ("labels", "supervised", "masked", "counted"),
    [
        ([1, 0, 1, 1], [1, 1, 1, 1], [1, 0, 1, 1], [0, 2, 3]),
        ([1, 0, 1, 1], [0, 1, 1, 0], [1, 0, 1, 1], [2]),  # supervised cases only
        ([1, 0, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1], [2, 3]),  # the object was moved out of the picture
        ([1, 0, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1], [0, 3]),  # a mask of something else
        ([0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], []),
        ([1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1], []),
    ],
)
def test_losses_and_gradient_are_the_hand_written_ones(labels, supervised, masked, counted):
    batch = toy_batch(labels, supervised, [bool(one) for one in masked])
    network, twin = toy_network(**EXACT), toy_network(**EXACT)
    output = train_once(network, batch, LocalizationLoss(EAFEM(BETA), DistributionKL(), WEIGHT))

    classification, localization = hand_written_losses(twin.forward_evidence(batch["image"]), batch, counted)
    total = classification + WEIGHT * localization
    total.backward()

    assert output["classification_loss"].item() == pytest.approx(classification.item(), rel=1e-5)
    assert output["localization_loss"].item() == pytest.approx(
        float(torch.as_tensor(localization).detach()), rel=1e-4, abs=0
    )
    assert output["loss"].item() == pytest.approx(total.item(), rel=1e-4)
    for name, gradient in gradients(twin).items():
        torch.testing.assert_close(gradients(network)[name], gradient, rtol=2e-4, atol=2e-7, msg=name)


@pytest.mark.parametrize(
    ("labels", "supervised", "masked", "counted"),
    [
        ([1, 0, 1, 0], [1, 1, 1, 0], [1, 0, 1, 0], [0, 1, 2]),
        ([1, 0, 0, -1], [1, 1, 1, 1], [0, 0, 1, 0], [1]),  # moved out of the picture, something else, no label
    ],
)
def test_negatives_count_with_their_empty_mask(labels, supervised, masked, counted):
    batch = toy_batch(labels, supervised, [bool(one) for one in masked])
    evidence = toy_network(**EXACT).eval().forward_evidence(batch["image"])
    handler = LocalizationLoss(EAFEM(BETA), DistributionKL(), WEIGHT, negatives=True)
    found = call(handler, batch, evidence, torch.zeros(()))["localization_loss"]
    with torch.no_grad():
        expected = hand_written_losses(evidence._replace(logits=torch.zeros(4, 1)), batch, counted)[1]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize(("epochs", "weights"), [(1, [30.0]), (3, [30.0, 20.0, 10.0])])
def test_the_weight_falls_in_a_line_over_the_epochs(epochs, weights):
    seen = []
    handler = LocalizationLoss(EAFEM(), DistributionKL(), WEIGHT, final_weight=10.0)
    network = WithEvidence(toy_network(**EXACT))
    trainer = toy_trainer(network, [toy_batch()], [EvidenceSplit(), handler], max_epochs=epochs)

    @trainer.on("ITERATION_COMPLETED")
    def see(engine):
        output = engine.state.output
        seen.append(((output["loss"] - output["classification_loss"]) / output["localization_loss"]).item())

    trainer.run()
    assert seen == pytest.approx(weights, rel=1e-3)


def test_robustvits_own_form_is_the_hand_written_one_in_training():
    """Its agreement term needs the logits, which the handler passes on."""
    batch = toy_batch([1, 0, 1, 1], [1, 1, 0, 1])
    network, twin = toy_network(**EXACT), toy_network(**EXACT)
    output = train_once(network, batch, LocalizationLoss(Relevance(), RobustViTLoss(variant="original_paper"), WEIGHT))

    evidence = twin.forward_evidence(batch["image"], attentions=True)
    maps, masks = Relevance()(evidence, (SIZE, SIZE)), batch["mask"].float()
    terms = []
    for index in (0, 3):  # positive and supervised
        relevance, mask, logit = maps[index, 0], masks[index, 0], evidence.logits[index, 0]
        missing, wrong = ((relevance - 1) * mask).square().mean(), (relevance * (1 - mask)).square().mean()
        certainty = logit.abs()  # cross entropy against its own prediction: log(1 + exp(-|logit|))
        terms.append(0.8 * (0.3 * missing + 2 * wrong) + 0.2 * (1 + (-certainty).exp()).log())
    localization = sum(terms) / 2
    (F.binary_cross_entropy_with_logits(evidence.logits, batch["label"]) + WEIGHT * localization).backward()

    assert output["localization_loss"].item() == pytest.approx(localization.item(), rel=1e-5)
    for name, gradient in gradients(twin).items():
        torch.testing.assert_close(gradients(network)[name], gradient, rtol=2e-4, atol=2e-7, msg=name)


def test_without_a_slice_that_counts_the_term_is_zero_and_the_graph_is_whole():
    network = toy_network(**EXACT)
    output = train_once(network, toy_batch([0, 0]), LocalizationLoss(EAFEM(), DistributionKL(), WEIGHT))
    assert output["localization_loss"].item() == 0
    assert output["loss"] == output["classification_loss"]
    assert output["loss"].requires_grad
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients(network).values())


def test_evidence_leaves_the_output_and_logs_have_no_graph():
    output = train_once(toy_network(), toy_batch(), LocalizationLoss(EAFEM(), DistributionKL(), WEIGHT))
    assert set(output) == {"image", "label", "pred", "loss", "classification_loss", "localization_loss"}
    assert not output["classification_loss"].requires_grad
    assert not output["localization_loss"].requires_grad


def call(handler, batch, evidence, loss):
    """Call the handler as an engine would; return the output."""
    engine = Engine(lambda engine, batch: None)
    engine.state.batch, engine.state.output = batch, {"image": batch["image"], "evidence": evidence, "loss": loss}
    handler(engine)
    return engine.state.output


@pytest.mark.parametrize("smooth", [None, SmoothMask(kernel_size_px=5)])
def test_the_loss_sees_float32_under_autocast_and_the_smoothed_mask(smooth):
    seen = {}

    def loss(attribution, target):
        seen.update(target, map=attribution)
        return (attribution @ attribution).mean()

    low = {"dtype": torch.bfloat16, "requires_grad": True}
    evidence = Evidence(
        torch.zeros(4, 1, **low), torch.rand(4, 2, 16, **low), None, torch.rand(4, 16, 8, **low), (4, 4)
    )
    batch = toy_batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = call(LocalizationLoss(EAFEM(), loss, WEIGHT, smooth), batch, evidence, torch.zeros(()))
    assert output["loss"].dtype == output["localization_loss"].dtype == torch.float32
    assert {seen[name].dtype for name in ("map", "image", "mask", "smoothed_mask", "weight")} == {torch.float32}
    assert seen["weight"].tolist() == [1, 0, 1, 1]
    expected = batch["mask"].float() if smooth is None else smooth(batch["mask"].float())
    assert torch.equal(seen["smoothed_mask"], expected)


def of_slices(batch, chosen):
    return {name: value[chosen] for name, value in batch.items() if isinstance(value, torch.Tensor)}


@pytest.mark.parametrize(
    "shares",
    [
        [slice(0, 3), slice(3, 6)],
        [slice(0, 1), slice(1, 6)],
        [slice(1, 2), slice(0, 6)],  # a rank without a positive slice
        [slice(0, 2), slice(2, 4), slice(4, 6)],
    ],
)
def test_ranks_that_share_a_batch_add_up_to_one_process(shares, monkeypatch):
    batch = toy_batch([1, 0, 1, 1, 0, 1], supervised=[1, 1, 0, 1, 1, 1])
    evidence = toy_network(**EXACT).eval().forward_evidence(batch["image"])
    handler, criterion = LocalizationLoss(EAFEM(BETA), DistributionKL(), WEIGHT), SliceClassificationLoss()

    def losses(chosen):
        mine = of_slices(batch, chosen)
        seen = Evidence(
            evidence.logits[chosen], evidence.class_attention[chosen], None, evidence.tokens[chosen], (4, 4)
        )
        output = call(handler, mine, seen, criterion(seen.logits, mine["label"]))
        return torch.stack([output["classification_loss"], output["localization_loss"], output["loss"]])

    together = torch.cat([torch.arange(6)[share] for share in shares])
    alone = losses(together)
    ranks = on_ranks(monkeypatch, *(lambda share=share: losses(share) for share in shares))
    torch.testing.assert_close(torch.stack(ranks).mean(dim=0), alone)  # what DDP does with gradients


def test_ranks_without_any_slice_that_counts_add_nothing(monkeypatch):
    batch = toy_batch([0, 0])
    evidence = toy_network(**EXACT).eval().forward_evidence(batch["image"])
    handler = LocalizationLoss(EAFEM(), DistributionKL(), WEIGHT)

    def loss():
        return call(handler, batch, evidence, torch.zeros(()))["localization_loss"].item()

    assert on_ranks(monkeypatch, loss, loss) == [0, 0]
