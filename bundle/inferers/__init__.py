"""Slice-batched inference over a volume, and evidence for evaluation."""

from bundle.inferers.evidence_inferer import EvidenceInferer
from bundle.inferers.slice_inferer import SliceInferer

__all__ = ["EvidenceInferer", "SliceInferer"]
