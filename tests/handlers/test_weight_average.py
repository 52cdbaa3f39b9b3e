"""The average that is validated and kept, against the recursion by hand."""

import copy

import pytest
import torch
from support.network import toy_batch, toy_network, toy_trainer
from support.runs import ToyRun, differences

from bundle.handlers import WeightAverage


def test_the_average_follows_its_recursion():
    network = toy_network()
    average, expected = WeightAverage(network, momentum=0.25), copy.deepcopy(network.state_dict())
    trainer = toy_trainer(network, [toy_batch(seed=seed) for seed in range(3)], [average])

    @trainer.on("ITERATION_COMPLETED")
    def follow(engine):
        for name, value in network.named_parameters():
            expected[name] = 0.75 * expected[name] + 0.25 * value.detach()

    trainer.run()
    for name, value in average.network_to_save.named_parameters():
        torch.testing.assert_close(value, expected[name])
    assert not any(value.requires_grad for value in average.network_to_save.parameters())
    assert list(differences(dict(average.network_to_save.named_buffers()), dict(network.named_buffers()))) == []


def test_without_momentum_the_network_itself_is_kept():
    network = toy_network()
    average = WeightAverage(network)
    toy_trainer(network, [toy_batch()], [average]).run()
    assert average.network_to_save is network
    assert average.kept is network, "the name in records of version 0.1"


def test_a_momentum_that_is_none_is_refused():
    with pytest.raises(ValueError, match="momentum"):
        WeightAverage(toy_network(), momentum=1.5)


def test_model_is_the_average_and_a_continued_run_ends_the_same(tmp_path):
    whole = ToyRun(tmp_path / "whole", momentum=0.1)()
    assert list(differences(whole.state()["model.pt"], whole.network.state_dict()))
    ToyRun(tmp_path / "parts", epochs=2, momentum=0.1)()
    resumed = ToyRun(tmp_path / "parts", resume=True, momentum=0.1)()
    assert list(differences(resumed.state(), whole.state())) == []
