"""The network that is trained draws the masks that readers did not."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events
from support.bundle import tiny_bundle
from support.datasets import LAYOUTS
from support.slices import ToySlices, toy_items

from bundle.data import SliceDataLoader, SliceDataset
from bundle.handlers import SelfTraining
from bundle.networks import Evidence

OVERLAYS = ["datasets/demo", "methods/recommended"]


def everything(images):
    """Draw the whole slice."""
    return torch.ones_like(images[:, :1])


class Finder(torch.nn.Module):
    """Finds the object in every pixel from a value on that rises with each epoch, as in a network that learns."""

    def __init__(self):
        super().__init__()
        self.least = torch.nn.Parameter(torch.tensor(0.9))
        self.dropout = torch.nn.Dropout()

    def forward_evidence(self, image, attentions=False):
        assert not self.training
        logits = image[:, :1] - self.least
        return Evidence(logits.mean(dim=(1, 2, 3))[:, None], None, None, None, (6, 7), mask_logits=logits)


class Labels(Finder):
    """Predicts no mask."""

    def forward_evidence(self, image, attentions=False):
        return super().forward_evidence(image)._replace(mask_logits=None)


def slices(tmp_path, **arguments):
    return SliceDataset(
        toy_items(3), ToySlices(), tmp_path, **{"supervised_cases": ["c0"], "self_training": 2, **arguments}
    )


def run(dataset, network, epochs=3, num_workers=0, first_epoch=2, after=0):
    """Return masks, labels and cases of all slices in each epoch, of a resumed run in those after an epoch."""
    seen = []
    loader = SliceDataLoader(dataset, batch_size=15, num_workers=num_workers)
    engine = Engine(lambda engine, batch: seen.append((batch["mask"], batch["label"][:, 0], batch["case_index"])))
    SelfTraining(dataset, network, first_epoch, dataset.store.folder).attach(engine)
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: network.least.data.sub_(0.2))
    engine.add_event_handler(Events.STARTED, lambda: setattr(engine.state, "epoch", after))
    engine.run(loader, max_epochs=epochs)
    return seen


@pytest.mark.parametrize("num_workers", [0, 1])
def test_from_its_epoch_on_every_epoch_has_the_masks_that_the_network_finds_then(tmp_path, num_workers):
    network = Finder()
    seen = run(slices(tmp_path, dtype="float32"), network, num_workers=num_workers)
    images, own = (np.concatenate([ToySlices().arrays(f"c{case}")[part] for case in range(3)]) for part in (0, 1))
    for least, (mask, label, case) in zip((None, 0.7, 0.5), seen, strict=True):
        drawn = (case > 0) & (label > 0)
        found = torch.from_numpy(images[:, :1]) >= least if least else torch.zeros(15, 1, 6, 7)
        assert torch.equal(mask[drawn], found[drawn].byte())
        assert torch.equal(mask[~drawn], torch.from_numpy(own)[~drawn])
    assert network.training


def test_masks_stay_until_as_many_epochs_have_passed_as_before_the_first_ones(tmp_path):
    masks = [mask for mask, _, _ in run(slices(tmp_path), Finder(), epochs=6, first_epoch=3)]
    same = [torch.equal(before, after) for before, after in pairwise(masks)]
    assert same == [True, False, True, False, True]


def test_a_resumed_run_has_the_masks_that_it_had(tmp_path):
    whole = [mask for mask, _, _ in run(slices(tmp_path), Finder(), epochs=4, first_epoch=3)]
    dataset = slices(tmp_path)
    [resumed] = [mask for mask, _, _ in run(dataset, Finder(), epochs=4, first_epoch=3, after=3)]
    assert torch.equal(resumed, whole[3])
    assert not torch.equal(resumed, whole[1])
    assert dataset.supervised.all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "must hold the masks that the run drew, got no file"),
        ({"bits": torch.zeros(2, 6)}, "must hold masks of shape .4, 6., got .2, 6."),
    ],
)
def test_a_resumed_run_without_its_masks_is_refused(tmp_path, content, message):
    dataset = slices(tmp_path)
    if content is not None:
        torch.save(content, dataset.store.folder / "drawn_masks.pt")
    with pytest.raises(ValueError, match=rf"drawn_masks\.pt {message}(.|\n)*: train again without --resume"):
        run(dataset, Finder(), epochs=4, first_epoch=3, after=3)


def test_the_cases_supervise_as_the_others_do_once_their_masks_are_drawn(tmp_path):
    dataset = slices(tmp_path)
    run(dataset, Finder(), epochs=1)
    assert dataset.supervised.tolist() == [True, False, False]
    run(dataset, Finder(), epochs=2)
    assert dataset.supervised.all()


def test_a_slice_counts_as_soon_as_something_is_drawn(tmp_path):
    dataset = slices(tmp_path)
    assert dataset.supervised.tolist() == [True, False, False]
    assert dataset[6]["supervised"] == 1
    assert dataset.masks.counts == {"cases": 2, "positive": 4, "found": 0}
    dataset.masks.redraw(everything)
    assert dataset.masks.counts == {"cases": 2, "positive": 4, "found": 4}


def test_a_network_of_masks_alone_gets_the_other_cases_too(tmp_path):
    assert slices(tmp_path, supervised_only=True).drawn.all()


@pytest.mark.parametrize(
    "arguments",
    [
        {"supervised_cases": 0},
        {"supervised_cases": "all"},
        {"teacher": everything},
        {"self_training": None},
        {"self_training": 0},
    ],
)
def test_nothing_is_drawn_where_no_mask_or_none_is_missing_or_beside_a_teacher(tmp_path, arguments):
    dataset = slices(tmp_path, **arguments)
    masks = [mask for mask, _, _ in run(dataset, Labels())]
    assert torch.equal(masks[0], masks[2])


def test_a_network_without_a_mask_is_refused_before_the_first_epoch(tmp_path):
    with pytest.raises(ValueError, match=r"evidence\.mask_logits must be a tensor"):
        run(slices(tmp_path), Labels(), epochs=1)


def test_the_recipe_draws_from_the_second_third_on_unless_told_not_to(tmp_path):
    LAYOUTS["demo"](tmp_path / "data")
    for knobs, first in (({"max_epochs": 25}, [9]), ({"max_epochs": 25, "self_training": 0}, [])):
        handlers = tiny_bundle("train", OVERLAYS, tmp_path, **knobs).get_parsed_content("train#handlers")
        assert [handler.first_epoch for handler in handlers if isinstance(handler, SelfTraining)] == first


def test_a_training_tells_what_it_draws_and_goes_on_alike_where_it_is_resumed(tmp_path, caplog):
    LAYOUTS["demo"](tmp_path / "data")
    knobs = {"supervised_cases": 2, "image_size": 32, "hidden_size": 32, "self_training": 3}
    caplog.set_level("INFO")
    weights = []
    for name, epochs in (("whole", (4,)), ("parts", (3, 4))):
        for last in epochs:
            torch.manual_seed(0)
            settings = {**knobs, "max_epochs": last, "resume": last != epochs[0], "min_learning_rate": "@learning_rate"}
            parser = tiny_bundle("train", OVERLAYS, tmp_path, **settings, output_dir=str(tmp_path / name))
            parser.get_parsed_content("train#trainer").run()
        weights.append(parser.get_parsed_content("network").state_dict())
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())
    assert "from now on the network draws the masks of" in caplog.text
