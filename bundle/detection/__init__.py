"""Detection scores of a trained run, on whole volumes as inference sees them."""

from bundle.detection.compare_findings import compare_findings
from bundle.detection.score_findings import score_findings
from bundle.detection.volumes_of_run import ScoredVolume, VolumesOfRun

__all__ = ["ScoredVolume", "VolumesOfRun", "compare_findings", "score_findings"]
