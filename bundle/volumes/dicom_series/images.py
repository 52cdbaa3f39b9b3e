"""Images of which a volume is made, and why others are none: told by their headers alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom import uid
from pydicom.dataset import Dataset, FileDataset

from bundle.volumes.dicom_series.frame_attributes import texts
from bundle.volumes.problem import Problem

_TILES = 0x00651050
"""United Imaging's number of slices in one image."""
LABEL_MAP = "Label Map Segmentation Storage"
_LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
"""A class that is newer than the names that pydicom 3.0 knows."""
_VOLUMES = {
    uid.CTImageStorage,
    uid.MRImageStorage,
    uid.PositronEmissionTomographyImageStorage,
    uid.EnhancedCTImageStorage,
    uid.EnhancedMRImageStorage,
    uid.EnhancedPETImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage,
    uid.LegacyConvertedEnhancedPETImageStorage,
}
_NO_SLICES = {
    "LOCALIZER": "scout",
    "SCOUT": "scout",
    "SCREEN SAVE": "screen capture",
    "PROT": "protocol page",
    "DOSE_INFO": "dose report",
    "MIP": "projection",
    "PROJECTION IMAGE": "projection",
}
"""Values of Image Type, and words in them, of images that are no slices."""
_SCOUT = re.compile(r"\b(scouts?|localizers?|localiser|topograms?|survey|3[- ]?plane)\b", re.IGNORECASE)
_AGAIN = "export the series again"
_APART = "export the series as enhanced images, or as one image a slice"


def sop_class(image: FileDataset) -> uid.UID:
    """Return the SOP Class UID of an image, from its file header where it has none itself; empty where neither has one.

    Args:
        image: header.
    """
    return uid.UID(image.get("SOPClassUID") or image.file_meta.get("MediaStorageSOPClassUID", ""))


def other_kind(image: FileDataset) -> str:
    """Return what an object is that holds no slices; nothing for one that may.

    Args:
        image: header.

    Example:
        >>> from pydicom import DataElement
        >>> other_kind(FileDataset("a", {0x00080016: DataElement(0x00080016, "UI", uid.SegmentationStorage)}))
        'Segmentation Storage'
    """
    kind = sop_class(image)
    if kind not in _VOLUMES:
        name = LABEL_MAP if kind == _LABEL_MAP else kind.name
        return name if kind and name != kind else "an object of an unknown class"
    values = texts(image.get("ImageType"))
    words = {*values, *(word for value in values for word in value.split())}
    for word, reason in _NO_SLICES.items():
        if word in words:
            return reason
    if _SCOUT.search(str(image.get("SeriesDescription") or "")):
        return "scout, by its description"
    return "color image" if image.get("SamplesPerPixel", 1) != 1 else ""


def image_problems(image: FileDataset, label: str) -> Iterator[Problem]:
    """Yield why an image cannot be read as slices.

    Args:
        image: header.
        label: name of its series.
    """
    tiles = image.get(_TILES)
    if "MOSAIC" in (image.get("ImageType") or ()) or (tiles is not None and float(tiles.value) > 1):
        yield Problem(label, "hold one slice an image", "mosaics of many slices", _APART)
    if image.get("PhotometricInterpretation") != "MONOCHROME2":
        remedy = "convert it to MONOCHROME2: readers do not agree which of its values are bright"
        yield Problem(label, "hold gray images of which high values are bright", "another color space", remedy)
    frames, groups = int(image.get("NumberOfFrames") or 1), image.get("PerFrameFunctionalGroupsSequence")
    if frames > 1 and groups is None:
        yield Problem(label, "tell the place of every frame", "frames without positions", _APART)
    if groups is not None and len(groups) != frames:
        yield Problem(label, "tell the place of every frame", f"{frames} frames and {len(groups)} places", _AGAIN)
    bits, high = image.get("BitsStored"), image.get("HighBit")
    if None not in (bits, high) and high != bits - 1:  # decoders do not shift
        yield Problem(label, "hold pixels in their lowest bits", f"{bits} bits up to bit {high}", _AGAIN)
    if any(each.get("RescaleSlope") == 0 for each in (image, *_transformations(image))):
        yield Problem(label, "have a rescale slope", "a slope of 0, which makes all pixels equal", _AGAIN)


def _transformations(image: FileDataset) -> Iterator[Dataset]:
    """Yield the pixel value transformations of frames."""
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for groups in image.get(name) or ():
            yield from groups.get("PixelValueTransformationSequence") or ()
