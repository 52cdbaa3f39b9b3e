"""A training run as the configs make it: its speed with the store at work, and every wait for the device."""

from __future__ import annotations

import statistics
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from ignite.engine import Engine, Events
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.setting import Row, Setting
from benchmarks.tiny_runs import parser_of, phantoms

WATCHED = 4
"""Iterations that are watched, after as many that warm up."""


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the speed of epochs with and without loading processes, then the waits within iterations."""
    cases, epochs, counts = (5, 2, (0,)) if setting.quick else (24, 6, (0, 8))
    with TemporaryDirectory() as folder:
        data = phantoms(Path(folder), cases)
        for workers in counts:
            watch, clock = Watch(setting), EpochClock(setting)
            train(setting, data, Path(folder) / f"run{workers}", workers, epochs, watch, clock)
            yield Row(f"epochs through the configs, {workers} loading processes", clock.speed, "slices/s", clock.note)
            if workers == 0:
                yield from watch.rows()
    if setting.is_gpu:
        yield Row("peak memory of the run", torch.cuda.max_memory_allocated(setting.device) / 1e9, "GB")


def train(
    setting: Setting, data: Path, output: Path, workers: int, epochs: int, watch: Watch, clock: EpochClock
) -> None:
    """Train LGM-ViT on phantoms, watched in its first epochs and timed in the later ones."""
    scale = setting.scale
    sizes = {**scale.network, "smoothing_kernel": scale.smoothing_kernel, "batch_size": scale.batch_size}
    run = {"num_workers": workers, "max_epochs": epochs, "device": setting.device, "amp": setting.is_gpu}
    parser = parser_of(data, output, learning_rate=1e-5, bootstrap_draws=1, **sizes, **run)
    parser.get_parsed_content("initialize")
    trainer = parser.get_parsed_content("train#trainer")
    watch.attach(trainer)
    clock.attach(trainer)
    trainer.run()


class EpochClock:
    """Times the iterations of every epoch, validation left out."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.seconds: list[float] = []
        self.slices = 0
        self._since = 0.0

    def attach(self, engine: Engine) -> None:
        """Look at the clock where an epoch's iterations begin and end."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.step)

    def start(self, engine: Engine) -> None:
        """Begin an epoch."""
        self.setting.wait()
        self._since, self.slices = time.perf_counter(), 0

    def step(self, engine: Engine) -> None:
        """Count the slices; after the last iteration note the seconds."""
        self.slices += len(engine.state.output["label"])
        if engine.state.iteration % engine.state.epoch_length == 0:
            self.setting.wait()
            self.seconds.append(time.perf_counter() - self._since)

    @property
    def speed(self) -> float:
        """Slices a second in the median of the epochs after the first, which is watched."""
        return self.slices / statistics.median(self.seconds[1:])

    @property
    def note(self) -> str:
        """Size of an epoch, and its seconds."""
        return f"{self.slices} slices an epoch, seconds {', '.join(f'{value:.2f}' for value in self.seconds)}"


class Watch:
    """Counts what waits for the device within some iterations: once by the profiler, once by PyTorch's own mode.

    The mode names the lines. It does not see calls that CUDA itself makes, such as those of the profiler's end.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.calls: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self._profiler: profile | None = None
        self._open = ExitStack()
        self._caught: list[warnings.WarningMessage] = []

    def attach(self, engine: Engine) -> None:
        """Watch iterations of the first epoch, the loading of their batches included."""
        engine.add_event_handler(Events.ITERATION_COMPLETED(once=WATCHED), self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED(once=2 * WATCHED), self.stop)

    def start(self, engine: Engine) -> None:
        """Begin."""
        self.setting.wait()
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if self.setting.is_gpu else [])]
        self._profiler = self._open.enter_context(profile(activities=kinds))
        self._caught = self._open.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        if self.setting.is_gpu:
            torch.cuda.set_sync_debug_mode("warn")

    def stop(self, engine: Engine) -> None:
        """End, and count."""
        if self.setting.is_gpu:
            torch.cuda.set_sync_debug_mode("default")
        waits = [one for one in self._caught if "called a synchronizing" in str(one.message)]
        self.lines.update(f"{Path(one.filename).name}:{one.lineno}" for one in waits)
        self._open.close()
        events = self._profiler.profiler.kineto_results.events() if self._profiler else []
        self.calls.update(event.name() for event in events if "Synchronize" in event.name() or "Memcpy" in event.name())

    def rows(self) -> Iterator[Row]:
        """Yield counts an iteration."""
        for name, part in {
            "waits of the host": "StreamSynchronize",
            "copies to the host": "Memcpy DtoH",
            "copies from pageable memory": "Memcpy HtoD (Pageable",
        }.items():
            count = sum(number for call, number in self.calls.items() if part in call)
            yield Row(f"{name} an iteration", count / WATCHED, "", f"{part}, profiler")
        listed = ", ".join(f"{line} ({count})" for line, count in self.lines.most_common(5))
        yield Row("waits an iteration that PyTorch warns of", self.lines.total() / WATCHED, "", listed)
