"""Reading of weights: the one place that opens a file of tensors, and says what is wrong with it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bundle.files import write_atomically
from bundle.networks.masked_autoencoder import ENCODER
from bundle.networks.weight_knobs import changed_knobs

_TRAIN = "train first (`python -m monai.bundle run` with configs/train.json), or give the file of another run"
_AGAIN = "copy or download it again, or take the file of another run"
_FOREIGN = (
    (b"<", "an HTML page", "download the file itself"),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the file by `git lfs pull`"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
)
"""First bytes of files that are taken for weights, their name and the remedy."""


def read_tensors(path: str | Path, device: torch.device | str = "cpu", remedy: str = _AGAIN) -> dict[str, Any]:
    """Return the dictionary of tensors and plain values in a file; a pickle that would run code is not opened.

    Args:
        path: file by `torch.save`.
        device: where the tensors go.
        remedy: what to do about a damaged file.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: the file is empty, damaged or something else, or would run code.

    Example:
        >>> read_tensors("no/model.pt")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        FileNotFoundError: no/model.pt must be a file of weights, got no file: train first (...
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} must be a file of weights, got a folder: give the file in it, such as model.pt.")
    if not path.exists():
        raise FileNotFoundError(f"{path} must be a file of weights, got no file: {_TRAIN}.")
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        _require_whole(path)
    except Exception as error:  # torch raises many kinds at a damaged file
        found, what_to_do = _fault(path, error, remedy)
        raise ValueError(f"{path} must be a file of weights, got {found}: {what_to_do}.") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} must hold a dictionary of weights, got a {type(content).__name__}: {_AGAIN}.")
    return dict(content)


def save_tensors(content: Mapping[str, Any], path: Path) -> None:
    """Write a file of tensors by rename; through a file object, because torch would write a file's name into it."""

    def write(part: Path) -> None:
        with part.open("wb") as file:
            torch.save(content, file)

    write_atomically(path, write)


def read_weights(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Return a state dict, also that of the network in a `checkpoint.pt`.

    Args:
        path: file by `torch.save`.
        device: where the tensors go.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it holds no state dict, or one with NaN or infinity.
    """
    content = read_tensors(path, device)
    state = content.get("model", content)
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} must hold a state dict, name -> tensor, got other content: {_AGAIN}.")
    if damaged := [name for name, value in state.items() if not value.isfinite().all()]:
        raise ValueError(
            f"{path} must hold finite weights, got NaN or infinity in {len(damaged)} of {len(state)}, e.g. "
            f"{damaged[0]}: training diverged; train again with a lower learning_rate."
        )
    return dict(state)


def load_weights(network: nn.Module, path: str | Path, remedy: str = "") -> None:
    """Load a file of weights into a network, all of it.

    Args:
        network: gets the weights, on its own device.
        path: state dict, or a checkpoint with one under "model".
        remedy: what to do about the weights of another network.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it is damaged, or holds the weights of another network; names the knobs that differ.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "model.pt"
        >>> torch.save(nn.Linear(2, 1).state_dict(), file)
        >>> load_weights(nn.Linear(2, 1), file)
    """
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    state = read_weights(path, device)
    if found := differences(network.state_dict(), state):
        if any(name.startswith(ENCODER) for name in state):
            remedy = "they are of a pretraining, so train from them by initial_weights"
        remedy = remedy or "give the overlays and knobs of their training, or other weights"
        raise ValueError(f"{path} must hold weights of this network, got others ({found}): {remedy}.")
    network.load_state_dict(state)


def differences(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Return the differences of two state dicts in a few words: the knobs where they tell, else names; else nothing.

    Example:
        >>> differences(nn.Linear(2, 1).state_dict(), nn.Linear(3, 1).state_dict())
        '1 of another shape: weight'
    """
    both = [name for name in expected if name in found]
    texts = [
        _listed("missing", [name for name in expected if name not in found]),
        _listed("unknown", [name for name in found if name not in expected]),
        _listed("of another shape", [name for name in both if expected[name].shape != found[name].shape]),
    ]
    if not any(texts):
        return ""
    return ", ".join(changed_knobs(expected, found)) or "; ".join(filter(None, texts))


def _listed(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} {what}: {shown}" if names else ""


def _require_whole(path: Path) -> None:
    """Compare the checksums, which torch does not: a flipped bit of a weight would pass."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if part := archive.testzip():
                raise zipfile.BadZipFile(f"wrong checksum of {part}")


def _fault(path: Path, error: Exception, remedy: str) -> tuple[str, str]:
    """Return the name of the content of a file that torch cannot open, and the remedy."""
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        return "an empty file", remedy
    for first, name, own_remedy in _FOREIGN:
        if start.lstrip().startswith(first):
            return name, own_remedy
    if "torchscript" in str(error).lower():
        return "a TorchScript program", "give the state dict, such as model.pt of the run"
    if "GLOBAL" in str(error):  # torch's name for a class or function in a pickle
        return "a pickle that could run code", "save its state dict alone, torch.save(network.state_dict(), FILE)"
    damaged = start.startswith((b"PK", b"\x80"))
    return ("a truncated or damaged file" if damaged else "a file that torch.save did not write"), remedy
