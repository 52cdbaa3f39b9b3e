"""Scores that say which unlabeled image a person should label next, and the choice by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bundle.clinic import StudyNetwork
from bundle.files import read_json
from bundle.findings import FindingRule
from bundle.keys import FINDINGS, IMAGE, PRED, RESULT
from bundle.probabilities import calibrated, label_map_disagreement, scan_uncertainty
from bundle.volumes import source_slice_indices

KEY = "slice_uncertainty"
"""Entry of an image's info: the scores, and the SHA-256 of the weights that they are of."""
SCORES = ("uncertainty", "disagreement")
_SERVED_S = 3600
"""Seconds in which an image that was given to somebody goes behind all others."""


def label_calibration(network: StudyNetwork) -> Mapping[str, Any] | None:
    """Return the calibration that validation slices gave to the packed weights; None where it is not known.

    A bundle with a `score_calibration` of its own has calibrated probabilities, and one whose threshold is not that of
    its profile has other weights or scans than those.

    Args:
        network: of the bundle.
    """
    settings = read_json(network.root / "configs" / "inference.json")
    if settings.get("score_calibration") or settings.get("threshold") != network.profile.get("threshold"):
        return None
    calibration: Mapping[str, Any] | None = network.profile.get("label_calibration")
    return calibration


def image_scores(found: Mapping[str, Any], calibration: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Return how uncertain a network is about an image, from 0 to 1.

    Args:
        found: see `StudyNetwork.infer`.
        calibration: see `bundle.probabilities.calibrated`; not used for several classes.

    Returns:
        `uncertainty`, the mean label entropy of the least certain slices that are not blank; with a `finding_rule` also
        `disagreement`, the share of slices in which the label is positive and the map shows nothing, or the other way
        round, of those where one of them sees something.

    Example:
        >>> slices = [{"slice": 0, "probability": 0.5, "positive": True, "blank": False}]
        >>> image_scores({"result": {"slices": slices}})
        {'uncertainty': 1.0}
    """
    rows = [row for row in found[RESULT]["slices"] if not row["blank"]]
    if rows and "probability_0" in rows[0]:
        classes = sum(name.startswith("probability_") for name in rows[0])
        probability = np.array([[row[f"probability_{k}"] for k in range(classes)] for row in rows])
    else:
        index = [row["slice"] for row in rows]
        probability = calibrated([row["probability"] for row in rows], index, calibration)
    scores = {"uncertainty": scan_uncertainty(probability)}
    seen = _slices_with_something(found)
    if seen is not None:
        positive = np.array([row["positive"] for row in found[RESULT]["slices"]])
        scores["disagreement"] = label_map_disagreement(positive, seen)
    return scores


def _slices_with_something(found: Mapping[str, Any]) -> np.ndarray | None:
    """Return (D,) whether the map reaches the threshold of findings; None without one, or along another axis."""
    if FINDINGS not in found:
        return None
    rule = FindingRule.read({name: found[FINDINGS][name] for name in ("map_threshold", "map_scale")})
    try:
        planes = source_slice_indices(found[IMAGE])
    except ValueError:
        return None
    highest = np.asarray(found[PRED][0]).max(axis=(0, 1))
    return np.asarray(rule.scaled(highest[planes]) >= rule.map_threshold)


def next_image(
    infos: Mapping[str, Mapping[str, Any]], weights: str, score: str, strategy: str, now: float
) -> tuple[str, float | None]:
    """Return the image with the highest score of a model, and the score.

    Images that were given to somebody less than an hour ago go behind the others, and images that the model did not
    score behind those; the first by name is taken of equals.

    Args:
        infos: image -> its info in the datastore; at least one.
        weights: SHA-256 of the model's weights.
        score: one of `SCORES`.
        strategy: name under which the server notes when it gave an image.
        now: seconds since the epoch.

    Example:
        >>> scored = {"weights_sha256": "in use", "uncertainty": 0.9}
        >>> next_image({"a": {}, "b": {KEY: scored}}, "in use", "uncertainty", "uncertain", now=0)
        ('b', 0.9)
    """

    def of(image: str) -> float | None:
        known = infos[image].get(KEY, {})
        return known.get(score) if known.get("weights_sha256") == weights else None

    def place(image: str) -> tuple[bool, bool, float, str]:
        given, value = infos[image].get("strategy", {}).get(strategy, {}).get("ts", -np.inf), of(image)
        return value is None, now - given < _SERVED_S, -(value or 0.0), image

    first = min(infos, key=place)
    return first, of(first)
