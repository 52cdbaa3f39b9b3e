"""Training steps of ViT-B/16 in bfloat16 with and without supervision, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch

from benchmarks.gpu.setting import Row, Setting
from benchmarks.scale import Scale
from benchmarks.step import Steps
from benchmarks.timings import Timings, timed
from bundle.attribution import EAFEM, Relevance

BLOCK = 10
"""Steps between two looks at the clock, so that the queue of the device stays full."""


def eager(setting: Setting) -> Iterator[Row]:
    """Yield time, speed and memory of plain and supervised steps at each batch size."""
    for batch in setting.batches:
        steps = steps_of(setting, batch)
        actions = {"plain": steps.unsupervised, "EAFEM": steps.supervised(EAFEM())}
        if batch == setting.batches[0]:  # its matrices at a larger batch fill the memory of a small GPU
            actions["GAE"] = steps.supervised(Relevance())
        yield from compared(setting, steps.scale, actions, "")


def compiled(setting: Setting) -> Iterator[Row]:
    """Yield the same for compiled networks, with the seconds of compiling and the graph breaks."""
    for batch in setting.batches:
        steps = steps_of(setting, batch)
        backend = "eager" if setting.quick else "inductor"
        network = torch.compile(steps.network, backend=backend, dynamic=False)
        actions = {"plain": partial(steps.unsupervised, network), "EAFEM": steps.supervised(EAFEM(), compiled=backend)}
        for name, action in actions.items():
            seconds = timed(setting.block(action, 1))
            yield Row(f"first step, {name}, compiled, batch {batch}", seconds, "s", "compiling included")
        breaks = sum(torch._dynamo.utils.counters["graph_break"].values())
        yield Row(f"graph breaks, batch {batch}", breaks)
        yield from compared(setting, steps.scale, actions, ", compiled")
        torch.compiler.reset()


def steps_of(setting: Setting, batch: int) -> Steps:
    """Return the steps of one batch size."""
    torch.manual_seed(0)
    return Steps(replace(setting.scale, batch_size=batch), setting.device, bfloat16=setting.is_gpu)


def compared(setting: Setting, scale: Scale, actions: dict[str, Callable[[], None]], kind: str) -> Iterator[Row]:
    """Yield time and memory of each action, and the ratio of each to the first."""
    batch, count = scale.batch_size, 1 if setting.quick else BLOCK
    times = Timings.interleaved({name: setting.block(act, count) for name, act in actions.items()}, scale.repetitions)
    for name, action in actions.items():
        speed = count * batch / times.median(name)
        work = f"{speed * operations(scale) / 1e12:.4g} TFLOP/s of forward and backward"
        yield Row(f"step, {name}{kind}, batch {batch}", 1000 * times.median(name) / count, "ms")
        yield Row(f"speed, {name}{kind}, batch {batch}", speed, "slices/s", work)
        yield Row(f"peak memory, {name}{kind}, batch {batch}", setting.peak_bytes(action) / 1e9, "GB")
    first, *others = actions
    for name in others:
        ratio = times.figure("", name, first)
        note = f"quartiles {ratio.low:.3f} .. {ratio.high:.3f}"
        yield Row(f"step, {name} / {first}{kind}, batch {batch}", ratio.value, "", note)


def operations(scale: Scale) -> float:
    """Return the operations of training on one slice, see docs/explanation/scaling.md."""
    d, tokens = scale.hidden_size, (scale.image_size // scale.patch_size) ** 2 + 1
    block = 2 * tokens * 12 * d**2 + 4 * tokens**2 * d
    return 3 * (scale.num_layers * block + 2 * (tokens - 1) * 3 * scale.patch_size**2 * d)
