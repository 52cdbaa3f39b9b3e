"""The panel of a few slices, epoch by epoch."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from support.network import toy_batch, toy_network
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bundle.attribution import EAFEM, Relevance, Rollout
from bundle.handlers import AttributionImages


class ToySlices:
    """Ten slices; remembers which were asked for."""

    def __init__(self, labels=(0, 1, 1, -1, 1, 1, 0, 1, 1, 0)):
        self.labels = np.array(labels)
        self.asked = []

    def __getitems__(self, indices):
        self.asked.append(list(indices))
        return toy_batch([max(int(self.labels[index]), 0) for index in indices])


def draw(folder, dataset, network, attribution, *, epochs=4, interval=2, num_slices=3):
    engine = Engine(lambda engine, batch: None)
    AttributionImages(folder, dataset, network, attribution, interval, num_slices).attach(engine)
    engine.run([0], max_epochs=epochs)
    events = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    return events.Images("attribution") if "attribution" in events.Tags()["images"] else []


@pytest.mark.parametrize("attribution", [EAFEM(), Rollout(), Relevance()])
@pytest.mark.parametrize("training", [True, False])
def test_panels_are_written_and_the_network_stays_as_it_was(attribution, training, tmp_path):
    network = toy_network().train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = draw(tmp_path, ToySlices(), network, attribution)
    assert sorted(image.step for image in images) == [1, 2, 4], "the first epoch too"
    assert min(images[0].width, images[0].height) > 100
    assert network.training is training
    assert all(module.training is training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items()), "no statistics moved"
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_slices_are_positive_spread_and_the_same_in_every_epoch(tmp_path):
    dataset = ToySlices()
    draw(tmp_path, dataset, toy_network(), EAFEM())
    assert dataset.asked == [[1, 4, 8]] * 3


def test_fewer_positive_slices_than_asked_for(tmp_path):
    dataset = ToySlices([0, 1, 0, 1])
    assert len(draw(tmp_path, dataset, toy_network(), EAFEM(), num_slices=6)) == 3
    assert dataset.asked[0] == [1, 3]


def test_without_positive_slices_nothing_is_drawn(tmp_path):
    assert draw(tmp_path, ToySlices([0, 0, -1]), toy_network(), EAFEM()) == []


def test_the_lower_row_shows_the_map(tmp_path):
    """Two attributions of one network: the upper row is the same, the lower one is not."""
    panels = [
        AttributionImages(tmp_path, ToySlices(), toy_network(), attribution).panel([1, 2]).astype(int)
        for attribution in (EAFEM(beta=1.0), EAFEM(beta=0.0))
    ]
    height = panels[0].shape[1]
    changed = np.abs(panels[0] - panels[1]).sum(axis=(0, 2))
    assert changed[: height // 2 - 5].sum() == 0
    assert changed[height // 2 :].sum() > 0


def test_attach_takes_any_engine():
    assert AttributionImages("x", SimpleNamespace(labels=[]), None, None).interval == 5
