"""Slice-batched inference over a volume."""

from bundle.inferers.slice_inferer import SliceInferer

__all__ = ["SliceInferer"]
