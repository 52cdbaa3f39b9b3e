"""Losses: for the label, and for the map. Pure functions first, thin modules under them."""

from bundle.losses.classification import SliceClassificationLoss
from bundle.losses.distribution_kl import DistributionKL
from bundle.losses.gradmask import GradMaskLoss
from bundle.losses.patch_share_kl import PatchShareKL
from bundle.losses.res import RESLoss
from bundle.losses.robustvit import RobustViTLoss
from bundle.losses.weighted_mean import weighted_mean

__all__ = [
    "DistributionKL",
    "GradMaskLoss",
    "PatchShareKL",
    "RESLoss",
    "RobustViTLoss",
    "SliceClassificationLoss",
    "weighted_mean",
]
