"""Objects that a config of a test names with `_target_`: they kill, wait, write down, or see through a run."""

import importlib
import json
import os
import signal
import time
from pathlib import Path

import torch
from ignite.engine import Events

from bundle.data import check_case
from bundle.networks import Evidence


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class KillAtIteration:
    """Kills the process when an engine has done so many iterations."""

    def __init__(self, iteration):
        self.iteration = iteration

    def attach(self, engine):
        engine.add_event_handler(Events.ITERATION_COMPLETED(once=self.iteration), die)


class FailAtIteration:
    """Ends a run by an error when an engine has done so many iterations."""

    def __init__(self, iteration):
        self.iteration = iteration

    def attach(self, engine):
        engine.add_event_handler(Events.ITERATION_COMPLETED(once=self.iteration), self.fail)

    def fail(self, engine):
        raise RuntimeError("the end, on purpose")


class KillInCall:
    """Kills the process in the n-th call of a library function, when the file is written and nothing renamed yet."""

    def __init__(self, function, call):
        module, _, name = function.rpartition(".")
        original, calls = getattr(importlib.import_module(module), name), []

        def deadly(*arguments, **options):
            original(*arguments, **options)
            calls.append(name)
            if len(calls) == call:
                die()

        setattr(importlib.import_module(module), name, deadly)

    def attach(self, engine):
        pass

    def __call__(self, item):
        return check_case(item)


class MeetFirst:
    """A check of cases that lets no process ingest before so many have come."""

    def __init__(self, folder, processes):
        self.folder, self.processes = Path(folder), processes

    def __call__(self, item):
        (self.folder / f"here-{os.getpid()}").touch()
        while len(list(self.folder.glob("here-*"))) < self.processes:
            time.sleep(0.01)
        return check_case(item)


class MetricsTape:
    """Writes a line of JSON an epoch: losses of the trainer and scores of the validator."""

    def __init__(self, path, validator, write=True):
        self.path, self.validator, self.write = Path(path), validator, write

    def attach(self, engine):
        if self.write:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine):
        with self.path.open("a") as file:
            file.write(json.dumps({**self.validator.state.metrics, **engine.state.metrics}) + "\n")


class SeeingNetwork(torch.nn.Module):
    """Has one patch a pixel and its first channel as the token, so the embedding map is the image itself."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward_evidence(self, image, attentions=False):
        tokens = image[:, :1].flatten(2).transpose(1, 2)  # (B, H * W, 1)
        logits = image.amax(dim=(1, 2, 3))[:, None] + self.weight
        return Evidence(logits, torch.zeros(len(image), 1, tokens.shape[1]), None, tokens, tuple(image.shape[-2:]))
