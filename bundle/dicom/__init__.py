"""DICOM studies: volumes, channels and masks of their stacks, cases of an inference, and objects with its results.

Needs the extra `dicom`; no other room imports this one at its top.
"""

from bundle.dicom.account import NothingReadable
from bundle.dicom.case_names import CaseNames
from bundle.dicom.prepare import prepare_study
from bundle.dicom.reading import Model, Reading
from bundle.dicom.study_items import study_items
from bundle.volumes.dicom_series import Aside, Headers, Plane, Stack, find_stacks, read_headers, read_voxels

__all__ = [
    "Aside",
    "CaseNames",
    "Headers",
    "Model",
    "NothingReadable",
    "Plane",
    "Reading",
    "Stack",
    "find_stacks",
    "prepare_study",
    "read_headers",
    "read_voxels",
    "study_items",
]
