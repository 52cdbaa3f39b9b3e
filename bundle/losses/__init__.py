"""Losses: for the label, and for the map. Pure functions first, thin modules under them."""

from bundle.losses.classification import SliceClassificationLoss
from bundle.losses.gradmask import GradMaskLoss
from bundle.losses.kl import DistributionKL, PatchShareKL
from bundle.losses.reduction import weighted_mean
from bundle.losses.res import RESLoss
from bundle.losses.robustvit import RobustViTLoss

__all__ = [
    "DistributionKL",
    "GradMaskLoss",
    "PatchShareKL",
    "RESLoss",
    "RobustViTLoss",
    "SliceClassificationLoss",
    "weighted_mean",
]
