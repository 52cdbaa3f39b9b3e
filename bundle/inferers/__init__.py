"""Inference over a volume in batches of slices, evidence for evaluation, and scans unlike those that are known."""

from bundle.inferers.evidence_inferer import EvidenceInferer
from bundle.inferers.scan_embedding import embedding_profile, embedding_warnings, scan_embedding
from bundle.inferers.slice_inferer import SliceInferer

__all__ = ["EvidenceInferer", "SliceInferer", "embedding_profile", "embedding_warnings", "scan_embedding"]
