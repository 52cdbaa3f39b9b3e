"""Predictions of an evaluator for every slice, by name and in order."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from support.network import SIZE, toy_batch, toy_evaluator, toy_network

from bundle.attribution import ClassAttention, Relevance
from bundle.handlers import CollectPredictions, EvidenceSplit
from bundle.inferers import EvidenceInferer
from bundle.networks import Evidence

ITEMS = [{"case": name, "patient": f"patient {name}", "site": site} for name, site in (("b", "x"), ("a", "y"))]
DATASET = SimpleNamespace(items=ITEMS)


def looking_at(*patches):
    """Evidence (4 x 4 patches) whose attention lies on one patch per slice."""
    attention = torch.zeros(len(patches), 2, 16)
    attention[range(len(patches)), :, patches] = 1
    return Evidence(torch.zeros(len(patches), 1), attention, None, torch.zeros(len(patches), 16, 8), (4, 4))


def batch_of(case_index, slice_index, label, corner):
    """Slices whose mask is the first or the last patch, or empty."""
    mask = torch.zeros(len(label), 1, SIZE, SIZE, dtype=torch.uint8)
    for number, where in enumerate(corner):
        if where is not None:
            mask[number, 0, where, where] = 1
    columns = {"case_index": torch.tensor(case_index), "slice_index": torch.tensor(slice_index)}
    return {**columns, "label": torch.tensor(label).float()[:, None], "mask": mask}


def collect(batches, outputs, epochs=1):
    """Run a bare engine over batches and outputs; return the handler."""
    handler = CollectPredictions(DATASET, ClassAttention())
    queue = iter(outputs * epochs)
    image = torch.zeros(1, 2, SIZE, SIZE)
    engine = Engine(lambda engine, batch: {"image": image, **next(queue)})
    handler.attach(engine)
    engine.run(batches, max_epochs=epochs)
    return handler


FIRST, LAST = slice(0, 4), slice(12, 16)
BATCHES = [
    batch_of([1, 0, 0], [1, 1, 0], [1, 1, 0], [FIRST, FIRST, None]),
    batch_of([1, 1], [0, 1], [0, -1], [None, None]),  # the last slice only fills a rank's batch
]
OUTPUTS = [
    {"pred": torch.tensor([[1.0], [0.0], [-1.0]]), "evidence": looking_at(0, 15, 0)},
    {"pred": torch.tensor([[2.0], [9.0]]), "evidence": looking_at(0, 0)},
]


@pytest.mark.parametrize("epochs", [1, 2])
def test_slices_come_by_case_and_index_each_once(epochs):
    found = collect(BATCHES, OUTPUTS, epochs).predictions
    assert found.case.tolist() == ["a", "a", "b", "b"]
    assert found.patient.tolist() == ["patient a", "patient a", "patient b", "patient b"]
    assert found.site.tolist() == ["y", "y", "x", "x"]
    assert found.slice_index.tolist() == [0, 1, 0, 1]
    assert found.label.tolist() == [0, 1, 0, 1]
    assert found.probability == pytest.approx(1 / (1 + np.exp([-2.0, -1.0, 1.0, 0.0])))


def test_maps_are_scored_where_there_is_a_mask():
    found = collect(BATCHES, OUTPUTS).predictions
    hits = found.map_scores["pointing_game"]
    np.testing.assert_array_equal(hits, [np.nan, 1, np.nan, 0])
    assert found.map_scores["iou"].shape == (4, 19)
    assert found.map_scores["iou"][1].max() > found.map_scores["iou"][3].max()


def test_the_centre_prior_is_scored_on_the_same_masks():
    center = batch_of([0], [0], [1], [slice(6, 10)])
    found = collect([center], [{"pred": torch.zeros(1, 1), "evidence": looking_at(0)}]).predictions
    assert found.prior_map_scores["pointing_game"].tolist() == [1]
    assert found.map_scores["pointing_game"].tolist() == [0]


def test_the_color_scale_is_that_of_a_typical_positive_slice():
    """Maps: one patch at 1, or for the second slice at 0.5, and the rest at 0; the negative one stands out at 9."""
    outputs = [{**OUTPUTS[0], "evidence": looking_at(0, 15, 0)}, OUTPUTS[1]]
    attention = outputs[0]["evidence"].class_attention
    attention[1] /= 2
    attention[2] *= 9
    low, high = collect(BATCHES, outputs).map_scale
    assert low == pytest.approx(0)
    assert high == pytest.approx(0.75)  # the median of 1 and 0.5


def test_without_a_positive_slice_or_with_flat_maps_there_is_no_color_scale():
    healthy = batch_of([0], [0], [0], [None])
    assert collect([healthy], [{"pred": torch.zeros(1, 1), "evidence": looking_at(0)}]).map_scale is None
    flat = looking_at(0)
    flat.class_attention.fill_(0.1)
    ill = batch_of([0], [0], [1], [FIRST])
    assert collect([ill], [{"pred": torch.zeros(1, 1), "evidence": flat}]).map_scale is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_maps_that_are_not_finite_are_refused(value):
    broken = looking_at(0, 15, 0)
    broken.class_attention[1, 0, 3] = value
    with pytest.raises(ValueError, match="maps must be finite, got NaN or infinity for 1 of 5 slices"):
        collect(BATCHES, [{**OUTPUTS[0], "evidence": broken}, OUTPUTS[1]])


def test_several_classes_keep_all_probabilities():
    logits = torch.tensor([[0.0, 1.0, 2.0]])
    batch = {**batch_of([0], [0], [1], [None]), "label": torch.tensor([2])}
    found = collect([batch], [{"pred": logits, "evidence": looking_at(0)}]).predictions
    assert found.label.tolist() == [2]
    assert found.probability == pytest.approx(logits.softmax(dim=1).numpy())


@pytest.mark.parametrize("attribution", [ClassAttention(), Relevance()])
def test_in_the_evaluator_evidence_is_used_and_dropped(attribution):
    network = toy_network()
    handler = CollectPredictions(SimpleNamespace(items=ITEMS[:1]), attribution)
    inferer = EvidenceInferer(attribution)
    evaluator = toy_evaluator(network, [toy_batch()], [EvidenceSplit(), handler], inferer=inferer)
    evaluator.run()
    assert set(evaluator.state.output) == {"image", "label", "pred"}
    with torch.no_grad():
        expected = network.eval()(toy_batch()["image"]).sigmoid()[:, 0]
    assert handler.predictions.probability == pytest.approx(expected.numpy(), abs=1e-6)
    assert np.isfinite(handler.predictions.map_scores["energy_ratio"]).tolist() == [True, False, True, True]
    assert all(parameter.grad is None for parameter in network.parameters())
