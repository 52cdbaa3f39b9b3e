"""Predictions of some scans, made of logits."""

import numpy as np
from scipy.special import expit

from bundle.metrics import Predictions


def scans_of(logits, label, scans=4):
    """Predictions of scans of equal length."""
    count = len(logits) // scans
    case = np.repeat([f"s{number}" for number in range(scans)], count)
    return Predictions(case, case, case, np.tile(np.arange(count), scans), np.asarray(label), expit(logits))
