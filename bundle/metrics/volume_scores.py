"""The scores of whole volumes."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import ArrayLike

from bundle.metrics.slice_scores import slice_scores
from bundle.metrics.volume_table import VolumeTable


def volume_scores(
    cases: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    threshold: float | Mapping[str, float] = 0.5,
    top_k: int = 3,
) -> dict[str, dict[str, float]]:
    """Return the scores of max, top-k mean and noisy-or against "any positive slice".

    Args:
        cases: (n,) name of each slice's volume.
        labels: (n,) slice classes; -1 is ignored.
        probabilities: (n,) or (n, K).
        threshold: one for all, or one each for `max`, `top_k_mean` and `noisy_or`.
        top_k: slices in the top-k mean.

    Returns:
        For `max`, `top_k_mean` and `noisy_or` what `slice_scores` returns, counted in volumes.

    Example:
        >>> volume_scores(["a", "a", "b"], [0, 1, 0], [0.1, 0.8, 0.3])["max"]["auroc"]
        1.0
    """
    table = VolumeTable.from_slices(cases, labels, probabilities, top_k)
    thresholds = threshold if isinstance(threshold, Mapping) else dict.fromkeys(table.probability, threshold)
    return {how: slice_scores(table.label, values, thresholds[how]) for how, values in table.probability.items()}
