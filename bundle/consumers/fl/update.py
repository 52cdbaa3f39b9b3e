"""The one message that leaves a hospital: weights, and numbers about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bundle.networks.weights import differences

_SCORES = (
    *("auroc", "average_precision", "f1", "pointing_game", "iou", "threshold", "volume_threshold"),
    *("map_low", "map_high"),
)
_COUNTS = ("position", "validation_slices", "validation_volumes", "test_slices", "test_volumes")


@dataclass(frozen=True)
class SiteUpdate:
    """Answer of a site in a round. Nothing in it names a case, a patient or a file.

    Args:
        weights: name in the state dict -> floating tensor.
        slices: labeled slices that the site trained on, its share in the average; 0 where it only scored.
        steps: steps of the optimizer.
        patients: of its test set.
        supervised: training cases whose masks supervised.
        agreement: see `FederationPlan.agreement`.
        scores: of the weights that the site was given, by name.
        counts: see `bundle.consumers.fl.counts`.

    Example:
        >>> SiteUpdate({}, slices=9, scores={"auroc": 0.5}).numbers()["slices"]
        9
    """

    weights: Mapping[str, Tensor]
    slices: int = 0
    steps: int = 0
    patients: int = 0
    supervised: int = 0
    agreement: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, list[list[int]]] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        """Return all but the weights, as plain dictionaries, lists and numbers."""
        return {name: value for name, value in vars(self).items() if name != "weights"}

    def require_numbers(self, expected: Mapping[str, Tensor]) -> SiteUpdate:
        """Return the message if it holds weights of the network and numbers under known names, and nothing else.

        Args:
            expected: state dict of the network.

        Raises:
            ValueError: it holds something else, which stays.

        Example:
            >>> SiteUpdate({}, scores={"patient_7": 1.0}).require_numbers({})
            Traceback (most recent call last):
            ValueError: the update must hold no other names than it knows, got a strange one in scores: it stays here.
        """
        for name, tensor in self.weights.items():
            known = expected.get(name)
            if known is None or tensor.shape != known.shape or not tensor.is_floating_point():
                raise ValueError("weights must be floating ones of the network, got others: they stay here.")
            if not tensor.isfinite().all():
                raise ValueError(f"weights must be finite, got NaN or infinity in {name}: training diverged.")
        for part, names in (("scores", _SCORES), ("counts", _COUNTS)):
            if not set(getattr(self, part)) <= set(names):
                raise ValueError(
                    f"the update must hold no other names than it knows, got a strange one in {part}: it stays here."
                )
        for value in _leaves(self.numbers()):
            if type(value) not in (int, float):
                raise ValueError(f"the update must hold numbers alone, got a {type(value).__name__}: it stays here.")
        return self


def _leaves(content: Any) -> Iterator[Any]:
    """Yield the values in nested dictionaries and lists."""
    if isinstance(content, Mapping | list | tuple):
        for part in content.values() if isinstance(content, Mapping) else content:
            yield from _leaves(part)
    else:
        yield content


def norm_statistics(network: nn.Module) -> frozenset[str]:
    """Return the names of the running means and variances of batch normalization in the state dict.

    Example:
        >>> sorted(norm_statistics(nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 1, 1))))
        ['0.running_mean', '0.running_var']
    """
    return frozenset(
        f"{prefix}.{name}".lstrip(".")
        for prefix, module in network.named_modules()
        if isinstance(module, _BatchNorm)
        for name in ("running_mean", "running_var")
    )


def fitting_state(given: Mapping[str, Any], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights from outside in the kinds of number of the own network; what is not given stays as it is.

    Whole numbers, which count batches and of which an average makes float64, stay the network's own.

    Args:
        given: name -> tensor or array.
        own: state dict of the network.

    Raises:
        ValueError: a name is unknown, or a shape differs, as it does for another number of channels.

    Example:
        >>> own = nn.BatchNorm1d(2).state_dict()
        >>> fitting_state({"bias": torch.ones(2).double()}, own)["bias"].dtype
        torch.float32
    """
    tensors = {name: torch.as_tensor(value).cpu() for name, value in given.items()}
    floating = {name for name, value in own.items() if value.is_floating_point()}
    state = {**own, **{name: value for name, value in tensors.items() if name in floating or name not in own}}
    if found := differences(own, state):
        raise ValueError(
            f"weights from the server must be of this site's network, got others ({found}): compare the plans, and "
            "in_channels and size there."
        )
    return {name: value.to(own[name].dtype).clone() for name, value in state.items()}
