"""What training wraps: the same network, whose forward pass returns evidence."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from bundle.networks.evidence import Evidence
from bundle.networks.slice_vit import SliceViT


class WithEvidence(nn.Module):
    """A network whose `forward` returns `Evidence`: (B, C, H, W) -> Evidence.

    DistributedDataParallel wraps only `forward` and torch.compile loses hooks, so evidence must leave by this way. The
    state dict has the wrapped network's names: whoever copies weights by name (MONAI's `load`, a federated client)
    finds them in both. The names are changed by hooks of the state dict, which also run where another wrapper, such
    as DistributedDataParallel, collects or loads the state.

    Args:
        network: shares its weights with this module.
        attentions: also return the full attention of every block.

    Example:
        >>> import torch
        >>> vit = SliceViT(image_size=32, patch_size=8, hidden_size=16, num_layers=1, num_heads=2)
        >>> WithEvidence(vit)(torch.rand(2, 3, 32, 32)).logits.shape
        torch.Size([2, 1])
        >>> list(WithEvidence(vit).state_dict()) == list(vit.state_dict())
        True
    """

    def __init__(self, network: SliceViT, attentions: bool = False) -> None:
        super().__init__()
        self.network = network
        self.attentions = attentions
        self.register_state_dict_post_hook(drop_wrapper_name)
        self.register_load_state_dict_pre_hook(add_wrapper_name)

    def forward(self, image: Tensor) -> Evidence:
        """Return logits and evidence of one pass."""
        return self.network.forward_evidence(image, attentions=self.attentions)


def with_evidence(network: SliceViT, enabled: bool, attentions: bool = False) -> nn.Module:
    """Return the network wrapped in `WithEvidence`, or itself where nothing supervises its maps."""
    return WithEvidence(network, attentions) if enabled else network


def drop_wrapper_name(_module: nn.Module, state: dict[str, Any], prefix: str, _metadata: Any) -> None:
    """Give what this module added to a state dict the wrapped network's names."""
    rename(state, old=f"{prefix}network.", new=prefix)


def add_wrapper_name(_module: nn.Module, state: dict[str, Any], prefix: str, *_rest: Any) -> None:
    """Give the wrapped network's entries of a state dict this module's names, in a copy that only loading sees."""
    rename(state, old=prefix, new=f"{prefix}network.")


def rename(state: dict[str, Any], *, old: str, new: str) -> None:
    """Rename, in place and in order, the entries whose names start with `old`."""
    for name in [name for name in state if name.startswith(old)]:
        state[new + name.removeprefix(old)] = state.pop(name)
