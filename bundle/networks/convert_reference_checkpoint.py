"""From the authors' checkpoint to files of this bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml

from bundle.networks.reference_checkpoint import describe, load_reference_checkpoint, read_state


def convert_reference_checkpoint(source: str | Path, target: str | Path, **overrides: Any) -> tuple[Path, Path]:
    """Write a network's weights, and beside them the overlay that makes the configs build this network.

    Args:
        source: checkpoint of the paper's authors.
        target: the weights' file (`.pt`, a plain state dict), or a folder for `model.pt`.
        overrides: arguments of `SliceViT` that the weights do not tell: `image_size`, `num_heads`.

    Returns:
        The two files, weights first.

    Raises:
        ValueError: as `load_reference_checkpoint`; nothing is written then.

    Example:
        >>> convert_reference_checkpoint("checkpoint.pth", "models/model.pt")  # doctest: +SKIP
        (PosixPath('models/model.pt'), PosixPath('models/model.yaml'))
    """
    network = load_reference_checkpoint(source, **overrides)
    weights = Path(target) if Path(target).suffix == ".pt" else Path(target) / "model.pt"
    weights.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), weights)
    arguments = {"image_size": network.image_size, **describe(read_state(source)), **overrides}
    overlay = weights.with_suffix(".yaml")
    title = "# The network of a checkpoint of the paper's authors: its sizes, patch norm, biases and position code.\n"
    overlay.write_text(title + yaml.safe_dump(arguments, sort_keys=False), encoding="utf-8")
    return weights, overlay
