"""Slice-batched inference over a volume, and evidence for evaluation."""

from bundle.inferers.slice_inferer import EvidenceInferer, SliceInferer

__all__ = ["EvidenceInferer", "SliceInferer"]
