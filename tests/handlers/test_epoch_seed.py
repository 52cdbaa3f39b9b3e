"""Random draws of an epoch depend on (seed, rank, epoch) alone."""

import itertools

import torch
from ignite.engine import Engine

from bundle.handlers import EpochSeed


class Loader(list):
    """Remembers which epochs it was told."""

    def set_epoch(self, epoch):
        self.append(epoch)


def draws(epochs, *, seed=0, rank=0, first=0, disturb=False):
    """Return what each epoch draws, for a run that goes on after epoch `first`."""
    drawn, loader = [], Loader()
    engine = Engine(lambda engine, batch: drawn.append(torch.rand(()).item()))
    EpochSeed(loader, seed, rank).attach(engine)

    @engine.on("STARTED")
    def resume(engine):
        engine.state.epoch, engine.state.iteration = first, first

    @engine.on("EPOCH_COMPLETED")
    def other_handlers(engine):
        if disturb:
            torch.rand(engine.state.epoch)

    engine.run([0], max_epochs=epochs)
    return drawn, list(loader)


def test_a_resumed_run_draws_what_the_uninterrupted_one_draws():
    whole, told = draws(5)
    rest, told_again = draws(5, first=3)
    assert rest == whole[3:]
    assert (told, told_again) == ([1, 2, 3, 4, 5], [4, 5])


def test_what_others_draw_between_epochs_changes_nothing():
    assert draws(4, disturb=True) == draws(4)


def test_seed_rank_and_epoch_all_matter():
    runs = [draws(3, seed=seed, rank=rank)[0] for seed, rank in itertools.product([0, 1, 2**40], [0, 1, 2])]
    assert len(set(itertools.chain(*runs))) == 3 * 9
