"""From a map and probabilities to findings, and how well these hit the lesions."""

from bundle.findings.description import describe_regions
from bundle.findings.find_findings import FindFindingsd, finding_numbers, voxel_mm3
from bundle.findings.froc import FALSE_POSITIVES, DetectionScorer
from bundle.findings.matching import MINIMUM_IOU, ScanHits, lesion_voxels, match_lesions
from bundle.findings.regions import FindingRule, Regions, find_regions

__all__ = [
    "FALSE_POSITIVES",
    "MINIMUM_IOU",
    "DetectionScorer",
    "FindFindingsd",
    "FindingRule",
    "Regions",
    "ScanHits",
    "describe_regions",
    "find_regions",
    "finding_numbers",
    "lesion_voxels",
    "match_lesions",
    "voxel_mm3",
]
