"""Where a network looks: one method per file, all with one contract."""

from bundle.attribution.base import Attribution, minmax
from bundle.attribution.eafem import EAFEM, ClassAttention, TokenEmbedding
from bundle.attribution.relevance import Relevance
from bundle.attribution.rollout import Rollout

__all__ = ["EAFEM", "Attribution", "ClassAttention", "Relevance", "Rollout", "TokenEmbedding", "minmax"]
