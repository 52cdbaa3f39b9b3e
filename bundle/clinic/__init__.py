"""From a folder of DICOM studies to findings, a report for people and objects for a PACS, with a packed bundle.

Needs the extra `dicom`; no other room imports this one.
"""

from bundle.clinic.choose_series import NoMatch, choose_contrasts, choose_series
from bundle.clinic.read_study import NOTHING_READABLE, StudyOutcome, exit_status, read_studies
from bundle.clinic.study_files import Selection
from bundle.clinic.study_network import StudyNetwork

__all__ = [
    "NOTHING_READABLE",
    "NoMatch",
    "Selection",
    "StudyNetwork",
    "StudyOutcome",
    "choose_contrasts",
    "choose_series",
    "exit_status",
    "read_studies",
]
