"""Detection scores of a trained run, on whole volumes as inference sees them."""

from bundle.detection.compare_findings import compare_findings
from bundle.detection.score_findings import MODEL, choose_rules, score_findings
from bundle.detection.volumes_of_run import ScoredVolume, VolumesOfRun, scored_volumes

__all__ = [
    "MODEL",
    "ScoredVolume",
    "VolumesOfRun",
    "choose_rules",
    "compare_findings",
    "score_findings",
    "scored_volumes",
]
