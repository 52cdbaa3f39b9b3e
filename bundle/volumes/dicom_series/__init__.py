"""DICOM images as stacks of slices: which of them make a volume, in which order, and where each slice comes from.

Needs pydicom 3, which is optional: import it late.
"""

try:
    import pydicom
except ImportError as error:
    raise ImportError(
        "DICOM must be read by pydicom 3, got no pydicom: pip install 'lgm-vit[dicom]'.", name="pydicom"
    ) from error
if int(pydicom.__version__.split(".")[0]) < 3:
    raise ImportError(
        f"DICOM must be read by pydicom 3, got {pydicom.__version__}: pip install 'lgm-vit[dicom]'.", name="pydicom"
    )

from bundle.volumes.dicom_series.headers import Headers, read_headers
from bundle.volumes.dicom_series.open_file import quiet
from bundle.volumes.dicom_series.pixels import is_int16, read_voxels
from bundle.volumes.dicom_series.planes import Aside, Plane
from bundle.volumes.dicom_series.read_series import read_dicom_series, read_stack, stack_slices
from bundle.volumes.dicom_series.stacks import Stack, find_stacks

__all__ = [
    "Aside",
    "Headers",
    "Plane",
    "Stack",
    "find_stacks",
    "is_int16",
    "quiet",
    "read_dicom_series",
    "read_headers",
    "read_stack",
    "read_voxels",
    "stack_slices",
]
