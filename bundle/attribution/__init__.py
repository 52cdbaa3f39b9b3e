"""Attribution methods: maps of the evidence for a decision, all with the interface of `Attribution`."""

from bundle.attribution.base import Attribution
from bundle.attribution.eafem import EAFEM, ClassAttention, TokenEmbedding
from bundle.attribution.grad_cam import GradCAM
from bundle.attribution.mask_probability import MaskProbability, likely_mask
from bundle.attribution.relevance import Relevance
from bundle.attribution.rollout import Rollout

__all__ = [
    "EAFEM",
    "Attribution",
    "ClassAttention",
    "GradCAM",
    "MaskProbability",
    "Relevance",
    "Rollout",
    "TokenEmbedding",
    "likely_mask",
]
