"""Evidence of a batch of slices: from one pass, or the mean of several views and networks."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor, nn

from bundle.attribution import Attribution
from bundle.networks import Evidence, EvidenceNetwork, load_weights


class EvidenceInferer(Inferer):
    """Inferer that calls `network.forward_evidence` with the needs of an attribution method.

    Evaluators run under `no_grad`; gradients are enabled here for a method that needs them. With `flip` or `ensemble`
    the logits and maps are means over all passes, and the evidence holds nothing else.

    Args:
        attribution: method with `needs_attentions` and `needs_grad`.
        flip: also pass each slice with its columns in reverse order (left and right exchanged).
        ensemble: files of weights of further networks of the same kind.

    Shapes:
        (B, C, S, S) -> Evidence.

    Raises:
        FileNotFoundError: a file of `ensemble` is missing.
        ValueError: at the first call, a file holds the weights of another network.

    Example:
        >>> from bundle.attribution import EAFEM
        >>> from bundle.networks import SliceViT
        >>> vit = SliceViT(image_size=32, patch_size=8, in_channels=1, hidden_size=16, num_layers=1, num_heads=2)
        >>> EvidenceInferer(EAFEM())(torch.rand(2, 1, 32, 32), vit.eval()).grid_hw
        (4, 4)
    """

    def __init__(
        self, attribution: Attribution, flip: bool = False, ensemble: Sequence[str | Path] | None = None
    ) -> None:
        super().__init__()
        self.attribution = attribution
        self.flip = flip
        self.ensemble = [Path(path) for path in ensemble or ()]
        self._networks: list[EvidenceNetwork] = []
        for path in self.ensemble:
            if not path.is_file():
                raise FileNotFoundError(f"{path} must be a file of weights for the ensemble, got no file: correct it.")

    def __call__(self, inputs: Tensor, network: EvidenceNetwork, *args: Any, **kwargs: Any) -> Evidence:
        """Return the evidence for a batch of slices."""
        if not self.flip and not self.ensemble:
            return self._evidence(inputs, network)
        logits, maps, passes = torch.tensor(0.0), torch.tensor(0.0), 0
        for evidence, its_map in self._passes(inputs, network):
            logits, maps, passes = logits + evidence.logits.detach().float(), maps + its_map, passes + 1
        return Evidence(logits / passes, None, None, None, evidence.grid_hw, maps=maps / passes)

    def _passes(self, inputs: Tensor, network: EvidenceNetwork) -> Iterator[tuple[Evidence, Tensor]]:
        """Yield evidence and map (B, 1, S, S) of every network and view; only one graph is alive at a time."""
        for each in (network, *self._others(network)):
            for is_mirrored in (False, True) if self.flip else (False,):
                evidence = self._evidence(inputs.flip(-1) if is_mirrored else inputs, each)
                with torch.set_grad_enabled(self.attribution.needs_grad):
                    its_map = self.attribution(evidence, inputs.shape[-2:]).detach().float()
                yield evidence, its_map.flip(-1) if is_mirrored else its_map

    def _evidence(self, inputs: Tensor, network: EvidenceNetwork) -> Evidence:
        with torch.set_grad_enabled(self.attribution.needs_grad):
            return network.forward_evidence(inputs, attentions=self.attribution.needs_attentions)

    def _others(self, network: Any) -> list[EvidenceNetwork]:
        """Return the further networks, made at the first call as copies of the first."""
        for path in self.ensemble[len(self._networks) :]:
            other: nn.Module = copy.deepcopy(network).eval()
            load_weights(other, path, "the networks of an ensemble differ in their weights alone")
            self._networks.append(other)  # type: ignore[arg-type]
        return self._networks

    def record(self) -> dict[str, Any]:
        """Return what a record of scores says of the passes."""
        hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.ensemble]
        files = [{"file": str(path), "sha256": sha} for path, sha in zip(self.ensemble, hashes, strict=True)]
        return {"test_time_flip": self.flip, "ensemble": files}
