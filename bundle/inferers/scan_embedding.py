"""Embeddings of scans by the network itself, and how far a new one lies from those that the network knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from monai.networks.utils import eval_mode
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from bundle.inferers.evidence_inferer import EvidenceInferer
from bundle.networks import EvidenceNetwork

_TOLERANCE = 1.25
"""Factor by which a scan may lie further from the training scans than any known scan does."""
_FEWEST = 10
"""Training scans of which directions and spread can be told."""
_MOST_DIRECTIONS = 8


def scan_embedding(images: Tensor, network: EvidenceNetwork, inferer: EvidenceInferer) -> NDArray | None:
    """Return where the network puts a scan: the mean of its last tokens, or features, over patches and slices.

    Args:
        images: (n, C, S, S) slices of the scan as the network sees them; those of one value are left out.
        network: passed through in evaluation mode.
        inferer: passes the slices through it.

    Returns:
        (d,); None of an ensemble or of flipped passes, which have no tokens of their own.
    """
    shown = images[images.flatten(1).amax(dim=1) > images.flatten(1).amin(dim=1)]
    device = next(network.parameters()).device
    with eval_mode(network):  # MONAI's evaluators leave it as they found it, in training mode
        evidence = inferer((shown if len(shown) else images).to(device), network)
    features = evidence.features if evidence.features is None else evidence.features.flatten(2).transpose(1, 2)
    tokens = features if evidence.tokens is None else evidence.tokens
    return None if tokens is None else tokens.detach().float().mean(dim=(0, 1)).cpu().numpy()


def embedding_profile(train: ArrayLike, validation: ArrayLike) -> dict[str, Any] | None:
    """Return what `embedding_warnings` needs, JSON-serializable; None of fewer than ten training scans or equal ones.

    The distance is that of Mahalanobis from the mean of the training scans. Their covariance has one variance in all
    directions but the first few. The largest distance is kept of training and validation scans, whose patients the
    network was not trained on.

    Args:
        train: (n, d) embeddings.
        validation: (m, d), m may be 0.

    Source:
        Lee et al., A simple unified framework for detecting out-of-distribution samples, NeurIPS 2018 (the distance);
        Tipping and Bishop, Probabilistic principal component analysis, 1999 (the covariance).

    Example:
        >>> embedding_profile(np.zeros((9, 4)), np.zeros((0, 4)))
    """
    known = np.asarray(train, dtype=np.float64)
    if len(known) < _FEWEST or not np.ptp(known, axis=0).any():
        return None
    found = PCA(min(_MOST_DIRECTIONS, len(known) // 4, known.shape[1] - 1), svd_solver="full").fit(known)
    if not found.noise_variance_ > 0:
        return None
    profile = {
        "mean": _rounded(found.mean_),
        "directions": [_rounded(direction) for direction in found.components_],
        "variances": _rounded(found.explained_variance_),
        "other_variance": float(found.noise_variance_),
    }
    every = [*known, *np.asarray(validation, dtype=np.float64).reshape(-1, known.shape[1])]
    return {**profile, "largest": max(_distance(profile, embedding) for embedding in every)}


def embedding_warnings(
    profile: Mapping[str, Any], images: Tensor, network: EvidenceNetwork, inferer: EvidenceInferer
) -> list[str]:
    """Return a sentence for people where the network puts a scan far from all that it knows, else nothing.

    Args:
        profile: with what `embedding_profile` returned as "embedding"; without, nothing is told.
        images: slices of the scan, see `scan_embedding`.
        network: that the profile is of.
        inferer: passes the slices through it.

    Raises:
        ValueError: the profile is of another network.
    """
    known = profile.get("embedding")
    embedding = scan_embedding(images, network, inferer) if known else None
    if embedding is None or not known:
        return []
    if len(embedding) != len(known["mean"]):
        found = f"one of {len(known['mean'])}, the network gives {len(embedding)}"
        raise ValueError(f"input_profile.json must have an embedding of this network, got {found}: pack the run again.")
    ratio = _distance(known, embedding) / float(known["largest"])
    if not ratio > _TOLERANCE:
        return []
    return [
        f"To the network the scan looks unlike those it was trained on: it is {ratio:.3g} times as far from their mean "
        "as any scan of training or validation."
    ]


def _distance(profile: Mapping[str, Any], embedding: ArrayLike) -> float:
    away = np.asarray(embedding, dtype=np.float64) - np.asarray(profile["mean"])
    along = np.asarray(profile["directions"]) @ away
    rest = max(float(away @ away - along @ along), 0.0)
    return float(np.sqrt(along**2 @ (1 / np.asarray(profile["variances"])) + rest / profile["other_variance"]))


def _rounded(values: NDArray) -> list[float]:
    """Return numbers of six digits: a file that stays small tells distances as well."""
    return [float(f"{value:.6g}") for value in values]
