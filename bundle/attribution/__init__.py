"""Where a network looks: one method per file, all with one contract."""

from bundle.attribution.base import Attribution, minmax
from bundle.attribution.class_attention import ClassAttention
from bundle.attribution.eafem import EAFEM
from bundle.attribution.relevance import Relevance
from bundle.attribution.rollout import Rollout
from bundle.attribution.token_embedding import TokenEmbedding

__all__ = ["EAFEM", "Attribution", "ClassAttention", "Relevance", "Rollout", "TokenEmbedding", "minmax"]
