"""Inference over a volume in batches of slices, and evidence for evaluation."""

from bundle.inferers.evidence_inferer import EvidenceInferer
from bundle.inferers.slice_inferer import SliceInferer

__all__ = ["EvidenceInferer", "SliceInferer"]
