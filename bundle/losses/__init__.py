"""Losses of the label and of the attribution map."""

from bundle.losses.classification import SliceClassificationLoss
from bundle.losses.dice_bce import DiceBCELoss
from bundle.losses.gradmask import GradMaskLoss
from bundle.losses.kl import DistributionKL, PatchShareKL
from bundle.losses.reconstruction import MaskedPatchLoss
from bundle.losses.res import RESLoss
from bundle.losses.robustvit import RobustViTLoss

__all__ = [
    "DiceBCELoss",
    "DistributionKL",
    "GradMaskLoss",
    "MaskedPatchLoss",
    "PatchShareKL",
    "RESLoss",
    "RobustViTLoss",
    "SliceClassificationLoss",
]
