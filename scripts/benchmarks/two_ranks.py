"""One of two processes of one thread: steps of DistributedDataParallel and steps alone, in turns."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from benchmarks.scale import Scale
from benchmarks.timings import Timings, timed
from bundle.networks import SliceViT


def main() -> None:
    """Print the seconds of every turn as JSON."""
    asked = json.loads(sys.argv[1])
    turns, scale = asked.pop("turns"), Scale(**asked)
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    torch.manual_seed(int(os.environ["RANK"]))
    network = SliceViT(**scale.network)
    actions: dict[str, Callable[[], object]] = {
        "together": partial(step_after_barrier, DistributedDataParallel(network), scale),
        "alone": partial(step_after_barrier, network, scale),
    }
    print(json.dumps(Timings.interleaved(actions, turns).seconds))
    dist.destroy_process_group()


def step_after_barrier(network: nn.Module, scale: Scale) -> float:
    """Wait for the other process and return the seconds of one step of this one."""
    image = torch.rand(scale.batch_size, 3, scale.image_size, scale.image_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)
    dist.barrier()
    return timed(partial(step, network, optimizer, image))


def step(network: nn.Module, optimizer: torch.optim.Optimizer, image: torch.Tensor) -> None:
    """Make one training step."""
    optimizer.zero_grad()
    logits = network(image)
    nn.functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).backward()
    optimizer.step()


if __name__ == "__main__":
    main()
