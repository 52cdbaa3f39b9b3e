"""Baselines that look at no pixel: the position of a slice, and a map of the image center."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from bundle.keys import IGNORED_LABEL


def position_baseline(train_position: ArrayLike, train_labels: ArrayLike, test_position: ArrayLike) -> NDArray:
    """Return the probability of a positive slice given only its position in the volume.

    The model is a logistic regression on the relative position and its square: lesions are rare in the first and last
    slices, so a classifier that looks at no pixel is already better than chance.

    Args:
        train_position: (n,) in [0, 1], first to last slice.
        train_labels: (n,) classes, 0 is negative, -1 is ignored.
        test_position: (m,).

    Returns:
        (m,); if the training labels have one class only, their share of positives, and 0.5 without labels.

    Example:
        >>> position = np.linspace(0, 1, 9)
        >>> position_baseline(position, np.abs(position - 0.5) < 0.3, [0.0, 0.5]).round(2)
        array([0., 1.])
    """
    labels = np.asarray(train_labels).reshape(-1)
    positive = labels[labels != IGNORED_LABEL] > 0
    features = _features(test_position)
    if not len(positive) or positive.all() or not positive.any():
        return np.full(len(features), positive.mean() if len(positive) else 0.5)
    constant, *weights = position_parabola(train_position, train_labels)
    return np.asarray(expit(features @ weights + constant))


def position_parabola(train_position: ArrayLike, train_labels: ArrayLike) -> tuple[float, float, float]:
    """Return the logit of a positive slice as a parabola of its position, that of `position_baseline`.

    Args:
        train_position: (n,) in [0, 1], first to last slice.
        train_labels: (n,) classes, 0 is negative, -1 is ignored; of two classes at least.

    Returns:
        The constant, and the weights of the position from -1 to 1 and of its square.

    Example:
        >>> position = np.linspace(0, 1, 9)
        >>> constant, linear, squared = position_parabola(position, np.abs(position - 0.5) < 0.3)
        >>> constant > 0 > squared
        True
    """
    labels = np.asarray(train_labels).reshape(-1)
    kept = labels != IGNORED_LABEL
    # C this large is no regularization: two coefficients need none.
    model = LogisticRegression(C=1e6, max_iter=10_000).fit(_features(train_position)[kept], labels[kept] > 0)
    linear, squared = model.coef_[0]
    return float(model.intercept_[0]), float(linear), float(squared)


def _features(position: ArrayLike) -> NDArray:
    """Return (n, 2): the centered position and its square."""
    centered = 2 * np.asarray(position, dtype=np.float64).reshape(-1) - 1
    return np.stack([centered, centered**2], axis=1)


def center_prior(image_hw: Sequence[int], sigma_fraction: float = 0.25) -> Tensor:
    """Return an isotropic Gaussian at the image center, the baseline of a map, because lesions lie centrally.

    Args:
        image_hw: height and width in pixels.
        sigma_fraction: standard deviation over the shorter side.

    Returns:
        (1, 1, H, W) with values up to 1.

    Example:
        >>> center_prior((3, 3)).argmax().item()
        4
    """
    height, width = image_hw
    sigma_px = sigma_fraction * min(height, width)
    rows = torch.arange(height) - (height - 1) / 2
    columns = torch.arange(width) - (width - 1) / 2
    squared = rows[:, None] ** 2 + columns[None, :] ** 2
    return torch.exp(-squared / (2 * sigma_px**2))[None, None]
