"""A fresh training starts from the weights that it is given; a continued one does not."""

import json

import pytest
import torch
from ignite.engine import Engine
from support.network import toy_network
from torch import nn

from bundle.handlers import StartWeights
from bundle.networks import SliceViT

HELD_OUT = ["b", "c"]


@pytest.fixture
def source(tmp_path):
    network = toy_network()
    nn.init.ones_(network.head.weight)
    nn.init.ones_(network.blocks[0].norm1.bias)
    (tmp_path / "source").mkdir()
    torch.save(network.state_dict(), tmp_path / "source/model.pt")
    return tmp_path / "source/model.pt"


def started(network, folder, **options):
    """The handler's work at the start of a run."""
    engine = Engine(lambda engine, batch: None)
    StartWeights(network, folder, **options).attach(engine)
    engine.run([0])
    return network


@pytest.mark.parametrize(("knob", "takes_head"), [("initial_weights", True), ("pretrained", False)])
def test_a_fresh_run_starts_from_the_file_and_so_does_its_average(knob, takes_head, source, tmp_path):
    kept = toy_network()
    network = started(toy_network(), tmp_path, kept_network=kept, resume=True, **{knob: source})
    for one in (network, kept):
        assert (one.blocks[0].norm1.bias == 1).all()
        assert bool((one.head.weight == 1).all()) == takes_head


def test_a_continued_run_has_its_own(tmp_path):
    (tmp_path / "checkpoint.pt").touch()
    network = started(toy_network(), tmp_path, resume=True, initial_weights=tmp_path / "not/there.pt")
    assert isinstance(network, SliceViT)
    with pytest.raises(FileNotFoundError, match="got no file"):
        started(toy_network(), tmp_path, initial_weights=tmp_path / "not/there.pt")


def test_without_a_file_nothing_happens(tmp_path):
    network = toy_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    started(network, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("knob", ["initial_weights", "pretrained"])
def test_weights_that_saw_a_held_out_case_are_refused(knob, source, tmp_path):
    split = source.with_name("split.json")
    split.write_text(json.dumps({"train": ["a", "x"], "val": ["b"]}))
    started(toy_network(), tmp_path, held_out=HELD_OUT, **{knob: source})
    split.write_text(json.dumps({"train": ["a", "c"], "val": ["b"]}))
    with pytest.raises(ValueError, match=r"must come from a training without the 2 .* got 1 of them in .*, e\.g\. c: "):
        started(toy_network(), tmp_path, held_out=HELD_OUT, **{knob: source})


def test_one_file_is_enough(tmp_path):
    with pytest.raises(ValueError, match=r"pretrained must be null beside initial_weights a\.pt, got b\.pt"):
        StartWeights(toy_network(), tmp_path, initial_weights="a.pt", pretrained="b.pt")
