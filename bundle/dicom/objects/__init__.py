"""Objects of a reading that a PACS files and a viewer shows: report, map, segmentation, captures.

Needs highdicom, which the extra `dicom` brings; `bundle.dicom` itself does not import this at its top.
"""

try:
    import highdicom  # noqa: F401
except ImportError as error:
    raise ImportError(
        "bundle.dicom.objects must have highdicom, got none: pip install 'lgm-vit[dicom]'.", name="highdicom"
    ) from error

from bundle.dicom.objects.captures import make_captures
from bundle.dicom.objects.images import make_map, make_segmentation
from bundle.dicom.objects.origin import Origin
from bundle.dicom.objects.structured_report import make_report
from bundle.dicom.objects.write import Written, write_objects

__all__ = ["Origin", "Written", "make_captures", "make_map", "make_report", "make_segmentation", "write_objects"]
