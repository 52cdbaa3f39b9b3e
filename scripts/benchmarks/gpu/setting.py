"""Where and how large: the setting that all parts of the check share, and the rows that they give."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from benchmarks.allocated_peak import allocated_peak
from benchmarks.scale import Scale


class Row(NamedTuple):
    """One line of the report.

    Args:
        what: was measured.
        value: number, or a word.
        unit: of the number.
        note: how it came about.
    """

    what: str
    value: float | str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True)
class Setting:
    """What the command line chose.

    Args:
        device: as PyTorch names it.
        quick: toy sizes, which show that everything runs and nothing else.
        seconds: that this part has.
        dataset_dir: folder of the data set of the table, if one is asked for.
    """

    device: str = "cuda"
    quick: bool = False
    seconds: float = 60.0
    dataset_dir: str | None = None

    @property
    def scale(self) -> Scale:
        """Sizes: ViT-B/16 at 256 x 256, a volume of 256 x 256 x 155."""
        return Scale.quick() if self.quick else Scale(batch_size=32, side=256, repetitions=5)

    @property
    def batches(self) -> tuple[int, ...]:
        """Slices a step."""
        return (2, 4) if self.quick else (32, 128)

    @property
    def is_gpu(self) -> bool:
        """Whether the device has a queue and a memory of its own."""
        return torch.device(self.device).type == "cuda"

    def wait(self) -> None:
        """Let the device finish."""
        if self.is_gpu:
            torch.cuda.synchronize(self.device)

    def precision(self) -> AbstractContextManager[Any]:
        """Mixed precision as a run has it: bfloat16 on a GPU."""
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.is_gpu)

    def block(self, action: Callable[[], object], count: int) -> Callable[[], None]:
        """Return `count` actions in a row, the device's work included."""

        def run() -> None:
            for _ in range(count):
                action()
            self.wait()

        return run

    def peak_bytes(self, action: Callable[[], object]) -> int:
        """Return the most memory that tensors have during an action; on a CPU only what it allocates itself."""
        if not self.is_gpu:
            return allocated_peak(action)
        self.wait()
        torch.cuda.reset_peak_memory_stats(self.device)
        action()
        self.wait()
        return torch.cuda.max_memory_allocated(self.device)
