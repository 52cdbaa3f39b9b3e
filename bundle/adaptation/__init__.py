"""Adaptation of a trained run to another hospital, without retraining."""

from bundle.adaptation.adapt import adapt, score_table
from bundle.adaptation.fitting import aligned, with_position
from bundle.adaptation.scans import score_scans
from bundle.adaptation.simulation import Adaptation, adapted, simulated

__all__ = [
    "Adaptation",
    "adapt",
    "adapted",
    "aligned",
    "score_scans",
    "score_table",
    "simulated",
    "with_position",
]
