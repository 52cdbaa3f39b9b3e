"""From the probabilities of slices to that of their volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def volume_probability(probabilities: ArrayLike, top_k: int = 3) -> dict[str, float]:
    """Return three probabilities that a volume has a positive slice.

    `max` is the largest of the slices' probabilities p, `top_k_mean` the mean of the k largest, `noisy_or` is
    1 - prod(1 - p), which takes the slices as independent and so says 1 early.

    Args:
        probabilities: (n,) of the positive class, or (n, K) of K classes, where class 0 is background.
        top_k: slices in the mean; a volume with fewer uses all.

    Raises:
        ValueError: `top_k` below 1.

    Example:
        >>> volume_probability([0.5, 0.5, 0.0, 0.2], top_k=2)
        {'max': 0.5, 'top_k_mean': 0.5, 'noisy_or': 0.8}
    """
    if top_k < 1:
        raise ValueError(f"top_k expected to be at least 1, got {top_k}.")
    positive = np.asarray(probabilities, dtype=np.float64)
    if positive.ndim == 2:
        positive = positive[:, 0] if positive.shape[1] == 1 else 1 - positive[:, 0]
    if not positive.size:
        return dict.fromkeys(("max", "top_k_mean", "noisy_or"), float("nan"))
    largest = np.sort(positive)[::-1][:top_k]
    with np.errstate(divide="ignore"):  # a slice that is certain: log(0) is -inf and the volume is certain too
        noisy_or = -np.expm1(np.log1p(-positive).sum())
    return {"max": float(largest[0]), "top_k_mean": float(largest.mean()), "noisy_or": round(float(noisy_or), 15)}
