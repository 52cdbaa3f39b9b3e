"""DICOM studies: which of their images make a volume, in which order, and where each slice comes from.

Needs the extra `dicom`; no other room imports this one at its top.
"""

try:
    import pydicom
except ImportError as error:
    raise ImportError(
        "bundle.dicom must have pydicom 3, got no pydicom: pip install 'lgm-vit[dicom]'.", name="pydicom"
    ) from error
if int(pydicom.__version__.split(".")[0]) < 3:
    raise ImportError(
        f"bundle.dicom must have pydicom 3, got {pydicom.__version__}: pip install 'lgm-vit[dicom]'.", name="pydicom"
    )

from bundle.dicom.account import NothingReadable
from bundle.dicom.case_names import CaseNames
from bundle.dicom.headers import Headers, read_headers
from bundle.dicom.pixels import read_voxels
from bundle.dicom.planes import Aside, Plane
from bundle.dicom.prepare import prepare_study
from bundle.dicom.reading import Model, Reading
from bundle.dicom.stacks import Stack, find_stacks
from bundle.dicom.study_items import study_items

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
