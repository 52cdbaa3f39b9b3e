"""Losses: for the label, and for the map. Pure functions first, thin modules under them."""

from bundle.losses.classification import SliceClassificationLoss
from bundle.losses.distribution_kl import DistributionKL
from bundle.losses.weighted_mean import weighted_mean

__all__ = ["DistributionKL", "SliceClassificationLoss", "weighted_mean"]
