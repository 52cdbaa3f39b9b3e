"""Cost of an epoch of a run beyond its training steps and validation forwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser

from benchmarks.figure import Figure
from benchmarks.scale import Scale
from benchmarks.step import supervised_loss
from benchmarks.timings import Timings
from benchmarks.tiny_runs import parser_of, phantoms


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Run epochs of the tiny size through the configs, and between them the same steps without anything else."""
    torch.set_num_threads(scale.threads)
    data = phantoms(folder / "epoch", scale.epoch_cases)
    parser = parser_of(data, folder / "epoch" / "run", max_epochs=scale.repetitions + 1, device="cpu")
    parser.get_parsed_content("initialize")
    trainer = parser.get_parsed_content("train#trainer")
    turns = EpochAndSteps(BareSteps(parser))
    turns.attach(trainer)
    trainer.run()
    seconds = {"epoch": turns.epochs[1:], "steps": turns.steps[1:]}  # the first epoch warms up
    slices = {part: len(parser.get_parsed_content(f"{part}#dataset")) for part in ("train", "validate")}
    return [Timings(seconds).figure("epoch_over_steps", "epoch", "steps", floor="steps", slices=slices)]


class BareSteps:
    """One epoch's training steps and validation forwards on batches in memory: no engine, handlers, metrics, files."""

    def __init__(self, parser: ConfigParser) -> None:
        get = parser.get_parsed_content
        self.network, self.optimizer, self.loss = get("network"), get("optimizer"), get("loss")
        self.with_evidence, self.prepare = get("training_network"), get("prepare_batch")
        self.handler = next(one for one in get("train#handlers") if type(one).__name__ == "LocalizationLoss")
        self.batches = {part: list(get(f"{part}#dataloader")) for part in ("train", "validate")}

    def __call__(self) -> float:
        """Return the seconds of all steps and forwards."""
        start = time.perf_counter()
        self.network.train()
        for image, batch in self.prepared("train"):
            self.optimizer.zero_grad()
            supervised_loss(self.with_evidence, self.loss, self.handler, image, batch).backward()
            self.optimizer.step()
        self.network.eval()
        with torch.no_grad():
            for image, _ in self.prepared("validate"):
                self.network(image)
        return time.perf_counter() - start

    def prepared(self, part: str) -> Iterator[tuple[torch.Tensor, dict[str, Any]]]:
        """Yield images in float32 with their batch."""
        for batch in self.batches[part]:
            copy = dict(batch)
            image, _ = self.prepare(copy, torch.device("cpu"))
            yield image, copy


class EpochAndSteps:
    """After each epoch notes its seconds, then those of its bare steps."""

    def __init__(self, bare_steps: BareSteps) -> None:
        self.bare_steps = bare_steps
        self.epochs: list[float] = []
        self.steps: list[float] = []
        self._since = 0.0

    def attach(self, engine: Engine) -> None:
        """Come last at the end of an epoch, which lasts until then."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def start(self, engine: Engine) -> None:
        """Begin."""
        self._since = time.perf_counter()

    def __call__(self, engine: Engine) -> None:
        """Note both."""
        self.epochs.append(time.perf_counter() - self._since)
        state = torch.get_rng_state()
        self.steps.append(self.bare_steps())
        torch.set_rng_state(state)
        self._since = time.perf_counter()
