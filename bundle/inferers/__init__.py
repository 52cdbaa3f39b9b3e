"""Inference over a volume in batches of slices, and evidence for evaluation."""

from bundle.inferers.slice_inferer import EvidenceInferer, SliceInferer

__all__ = ["EvidenceInferer", "SliceInferer"]
