"""Values that the paper's authors' own code computed, where they are at hand."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SHARED
from torch import Tensor

from bundle.networks import SliceViT, load_reference_checkpoint
from bundle.networks.reference_checkpoint import to_own_name

FOLDER = SHARED / "golden"
FILES = ("reference_64_16.npz", "reference_128_16.npz")


@dataclass
class Golden:
    """One file of reference values, and the network with its weights."""

    values: dict[str, Tensor]
    network: SliceViT
    image_hw: tuple[int, int]

    def batch(self) -> dict[str, Tensor]:
        """Return what a localization loss is given; the last slice is negative."""
        return {
            "image": self.values["x"],
            "mask": self.values["mask"][:, None],
            "smoothed_mask": self.values["smoothed_mask"][:, None],
            "weight": self.values["y"][:, 0],
        }

    def gradient_error(self, loss: str, value: Tensor) -> float:
        """Return the largest relative difference, over five parameters, from the reference's gradient."""
        wanted = {name: self.values[name] for name in self.values if name.startswith(f"grad/{loss}/")}
        parameters = dict(self.network.named_parameters())
        inputs = [parameters[to_own_name(name.split("/")[2])] for name in wanted]
        found = torch.autograd.grad(value, inputs, allow_unused=True, materialize_grads=True)
        errors = (
            float((a - b).norm() / b.norm().clamp(min=1e-12)) for a, b in zip(found, wanted.values(), strict=True)
        )
        return max(errors)


def load_golden(file: str, tmp_path: Path) -> Golden:
    """Return one file of reference values, or skip the test where it is missing."""
    if not (FOLDER / file).exists():
        pytest.skip("the reference's values are not here")
    with np.load(FOLDER / file) as archive:
        values = {name: torch.from_numpy(np.asarray(archive[name])) for name in archive.files}
    image_size, heads = int(values["config"][1]), int(values["config"][4])
    weights = {name.removeprefix("weights/"): value for name, value in values.items() if name.startswith("weights/")}
    torch.save({"model": weights}, tmp_path / "reference.pth")
    network = load_reference_checkpoint(tmp_path / "reference.pth", image_size=image_size, num_heads=heads)
    return Golden(values, network, (image_size, image_size))
