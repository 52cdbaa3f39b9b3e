"""Where a network looks: one method per file, all with one contract."""

from bundle.attribution.base import Attribution, minmax
from bundle.attribution.class_attention import ClassAttention
from bundle.attribution.eafem import EAFEM
from bundle.attribution.token_embedding import TokenEmbedding

__all__ = ["EAFEM", "Attribution", "ClassAttention", "TokenEmbedding", "minmax"]
