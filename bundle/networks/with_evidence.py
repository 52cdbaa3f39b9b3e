"""Wrapper for training: the same network with a forward pass that returns evidence."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn

from bundle.networks.evidence import Evidence, EvidenceNetwork


class WithEvidence(nn.Module):
    """A network whose `forward` returns `Evidence`: (B, C, H, W) -> Evidence.

    DistributedDataParallel wraps only `forward` and torch.compile loses hooks, so `forward` returns the evidence. The
    state dict has the names of the wrapped network: MONAI's `load` or a federated client can copy weights by name in
    both directions. State-dict hooks change the names; they also run when an outer wrapper, such as
    DistributedDataParallel, saves or loads the state.

    Args:
        network: classifier; its weights are shared, not copied.
        attentions: also return the full attention of every block.

    Example:
        >>> import torch
        >>> from bundle.networks import SliceViT
        >>> vit = SliceViT(image_size=32, patch_size=8, hidden_size=16, num_layers=1, num_heads=2)
        >>> WithEvidence(vit)(torch.rand(2, 3, 32, 32)).logits.shape
        torch.Size([2, 1])
        >>> list(WithEvidence(vit).state_dict()) == list(vit.state_dict())
        True
    """

    def __init__(self, network: EvidenceNetwork, attentions: bool = False) -> None:
        super().__init__()
        self.network = network
        self.attentions = attentions
        self.register_state_dict_post_hook(_drop_wrapper_name)
        self.register_load_state_dict_pre_hook(_add_wrapper_name)

    def forward(self, image: Tensor) -> Evidence:
        """Return logits and evidence of one pass."""
        return self.network.forward_evidence(image, attentions=self.attentions)


def with_evidence(network: EvidenceNetwork, enabled: bool, attentions: bool = False) -> nn.Module:
    """Return the network wrapped in `WithEvidence`, or the network itself if `enabled` is false."""
    return WithEvidence(network, attentions) if enabled else cast(nn.Module, network)


def _drop_wrapper_name(_module: nn.Module, state: dict[str, Any], prefix: str, _metadata: Any) -> None:
    """Remove the wrapper's prefix from the entries of a saved state dict."""
    _rename(state, old=f"{prefix}network.", new=prefix)


def _add_wrapper_name(_module: nn.Module, state: dict[str, Any], prefix: str, *_rest: Any) -> None:
    """Add the wrapper's prefix to the entries of a state dict that is loaded; torch passes a copy."""
    _rename(state, old=prefix, new=f"{prefix}network.")


def _rename(state: dict[str, Any], *, old: str, new: str) -> None:
    """Rename, in place and in order, all entries with the prefix `old`."""
    for name in [name for name in state if name.startswith(old)]:
        state[new + name.removeprefix(old)] = state.pop(name)
