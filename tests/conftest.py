"""What every test may use: where the shared, uncommitted data would lie, and one thread a process."""

from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Every test draws the same numbers from torch, alone or in any order."""
    torch.manual_seed(0)
