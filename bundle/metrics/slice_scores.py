"""The scores of a slice classifier."""

from __future__ import annotations

from numpy.typing import ArrayLike

from bundle.metrics.slice_scorer import SliceScorer


def slice_scores(labels: ArrayLike, probabilities: ArrayLike, threshold: float = 0.5) -> dict[str, float]:
    """Return F1, accuracy, AUROC, average precision, Cohen's kappa, sensitivity and specificity, with their counts.

    A score without a value (one class only, no slice at all) is NaN; the counts `n` and `positives` tell why.

    Args:
        labels: (n,) class indices, 0 is background; -1 is ignored.
        probabilities: (n,) of the positive class, or (n, K) of K classes (then macro averages, see `SliceScorer`).
        threshold: probability from which a slice counts as positive.

    Raises:
        ValueError: lengths differ, a probability is not finite, or a label is no class.

    Example:
        >>> slice_scores([1, 1, 0, 0, -1], [0.9, 0.4, 0.6, 0.1, 0.5])["auroc"]
        0.75
    """
    scorer = SliceScorer(labels, probabilities, threshold)
    counts = {"n": len(scorer.labels), "positives": int((scorer.labels > 0).sum())}
    return scorer() | counts
