"""Masks of a stack: segments of DICOM SEG objects and contours of RT structure sets, on the grid of their series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from bundle.dicom.contours import filled
from bundle.volumes.dicom_series import Stack
from bundle.volumes.dicom_series.images import LABEL_MAP
from bundle.volumes.dicom_series.open_file import open_dicom
from bundle.volumes.dicom_series.planes import planes_of, series_label
from bundle.volumes.problem import FileProblem, Problem, raise_first

MASK_KINDS = (SegmentationStorage.name, LABEL_MAP, RTStructureSetStorage.name)
"""Reasons for which headers set them aside."""
_SAME_MM = 0.1
_SAME_DIRECTION = 5e-4
_AGAIN = "export it again"
_BY_PROGRAM = "a program drew it, no reader"


class Mask(NamedTuple):
    """Mask of one segment or region of interest.

    Args:
        name: that its author gave.
        stack: that it belongs to.
        voxels: (X, Y, Z) uint8, 1 inside, on the grid of the stack.
        uid: SOP Instance UID of the object.
        notes: sentences about what of it is not in the mask.
        identity: Patient ID and name of the object.
    """

    name: str
    stack: Stack
    voxels: NDArray
    uid: str
    notes: tuple[str, ...] = ()
    identity: tuple[str, str] = ("", "")


def read_masks(file: Path, stacks: Sequence[Stack]) -> Iterator[Mask]:
    """Yield the masks of a file.

    A frame of a segmentation must lie on a slice: same matrix, directions and pixel spacing, and its first pixel within
    0.1 mm. A fractional one counts from a half on. Of a structure set, a voxel is inside if its center is in, or on
    the edge of, an odd number of the region's closed contours on its slice, so that a contour in another one is a
    hole; a contour is on the nearest slice, no further than 0.5 mm, and of several planes of contours near a slice the
    nearest one fills it. What of a region is not in its mask stands in `notes`.

    Args:
        file: DICOM SEG or RT structure set.
        stacks: without problems, of the same study.

    Raises:
        FileProblem: the series that it refers to is not there, lies in another frame of reference or on another grid;
            part of a segmentation would be lost.
    """
    image = open_dicom(file)
    label = series_label(image.get("SeriesNumber"))
    make: Callable[[FileDataset, Sequence[Stack], str], Iterator[Mask]] = (
        _regions if image.SOPClassUID == RTStructureSetStorage else _segments
    )
    identity = str(image.get("PatientID") or ""), str(image.get("PatientName") or "")
    for mask in make(image, stacks, label):
        yield mask._replace(identity=identity)


def _segments(image: FileDataset, stacks: Sequence[Stack], label: str) -> Iterator[Mask]:
    references = image.get("ReferencedSeriesSequence") or ()
    instances = {str(item.ReferencedSOPInstanceUID) for s in references for item in s.ReferencedInstanceSequence}
    series = {str(item.SeriesInstanceUID) for item in references}
    stack = _stack_of(stacks, series, instances, str(image.get("FrameOfReferenceUID") or ""), label)
    slices = _slices_of_frames(image, stack, label)
    pixels = np.reshape(image.pixel_array, (-1, image.Rows, image.Columns))
    marked = [] if len(pixels) != len(slices) else [_numbers(image, *pair) for pair in enumerate(pixels)]
    raise_first(_doubts(image, len(pixels), marked, label))
    for segment in image.SegmentSequence:
        number = int(segment.SegmentNumber)
        if number == 0 and image.SegmentationType == "LABELMAP":  # the background
            continue
        voxels = np.zeros((len(stack.planes), *stack.planes[0].size), np.uint8)
        for index, frame, numbers in zip(slices, pixels, marked, strict=True):
            if number in numbers:
                voxels[index] |= _inside(image, frame, number)
        name, uid = str(segment.get("SegmentLabel", "")), str(image.SOPInstanceUID)
        notes = (_BY_PROGRAM,) if segment.get("SegmentAlgorithmType") == "AUTOMATIC" else ()
        yield Mask(name, stack, voxels.transpose(2, 1, 0), uid, notes)


def _numbers(image: FileDataset, index: int, pixels: NDArray) -> set[int]:
    """Return the segments that a frame holds."""
    if image.SegmentationType == "LABELMAP":
        return {*np.unique(pixels).tolist()}
    own = image.PerFrameFunctionalGroupsSequence[index].get("SegmentIdentificationSequence")
    shared = image.SharedFunctionalGroupsSequence[0] if image.get("SharedFunctionalGroupsSequence") else Dataset()
    [item] = own or shared.SegmentIdentificationSequence
    return {int(item.ReferencedSegmentNumber)}


def _inside(image: FileDataset, pixels: NDArray, number: int) -> NDArray:
    if image.SegmentationType == "LABELMAP":
        return pixels == number
    return pixels >= (int(image.MaximumFractionalValue) if image.SegmentationType == "FRACTIONAL" else 1) / 2


def _doubts(image: FileDataset, frames: int, marked: Sequence[set[int]], label: str) -> Iterator[Problem]:
    """Yield why part of a segmentation would be lost, or come to lie elsewhere, if it were read."""
    if image.get("ConcatenationUID") and image.get("InConcatenationTotalNumber") != 1:
        yield Problem(label, "be whole", "a part of a concatenated segmentation", "export it as one object")
    if len(marked) != frames:
        places = len(image.PerFrameFunctionalGroupsSequence)
        yield Problem(label, "tell the place of every frame", f"{frames} frames and {places} places", _AGAIN)
    length = -(-image.BitsAllocated * frames * image.Rows * image.Columns // 8)
    if not image.file_meta.TransferSyntaxUID.is_compressed and len(image.PixelData) > length + length % 2:
        found = f"{len(image.PixelData)} bytes where {length} hold all frames"
        yield Problem(label, "hold frames one right after the other", found, _AGAIN)
    if image.SegmentationType == "FRACTIONAL" and not image.get("MaximumFractionalValue"):
        yield Problem(label, "tell which value is the whole of a voxel", "no MaximumFractionalValue", _AGAIN)
    background = {0, image.get("PixelPaddingValue")} if image.SegmentationType == "LABELMAP" else set()
    named = {int(segment.SegmentNumber) for segment in image.SegmentSequence}
    if unknown := sorted(set().union(*marked) - named - background):
        yield Problem(label, "describe every segment", f"frames of the segments {unknown} that it does not", _AGAIN)


def _slices_of_frames(image: FileDataset, stack: Stack, label: str) -> list[int]:
    first = stack.planes[0]
    starts = np.array([plane.position for plane in stack.planes])
    slices = []
    for plane in planes_of(image, Path(), first.study, first.syntax):
        far = np.linalg.norm(starts - plane.position, axis=1)
        same = plane.size == first.size and np.allclose(plane.orientation, first.orientation, atol=_SAME_DIRECTION)
        if not same or not np.allclose(plane.spacing, first.spacing, atol=1e-3) or far.min() > _SAME_MM:
            found, remedy = "frames on another grid", "export it on the grid of its series"
            raise FileProblem(Problem(label, "lie on the slices of its series", found, remedy))
        slices.append(int(far.argmin()))
    return slices


def _regions(image: FileDataset, stacks: Sequence[Stack], label: str) -> Iterator[Mask]:
    frames = image.get("ReferencedFrameOfReferenceSequence") or ()
    studies = [study for frame in frames for study in frame.get("RTReferencedStudySequence") or ()]
    references = [series for study in studies for series in study.get("RTReferencedSeriesSequence") or ()]
    instances = {str(i.ReferencedSOPInstanceUID) for s in references for i in s.get("ContourImageSequence") or ()}
    regions = {int(region.ROINumber): region for region in image.StructureSetROISequence}
    series = {str(item.SeriesInstanceUID) for item in references}
    strays: dict[int, Problem] = {}
    for drawn in image.ROIContourSequence:
        region = regions[int(drawn.ReferencedROINumber)]
        try:
            frame = str(region.get("ReferencedFrameOfReferenceUID") or "")
            stack = _stack_of(stacks, series, instances, frame, label)
        except FileProblem as error:  # one of another frame of reference takes none of the others with it
            strays[int(region.ROINumber)] = error.problem
            continue
        voxels, notes = filled(drawn.get("ContourSequence") or (), stack)
        yield Mask(str(region.get("ROIName", "")), stack, voxels.transpose(2, 1, 0), str(image.SOPInstanceUID), notes)
    if strays:
        which = f"region {', '.join(map(str, strays))} of {label}"
        of_all = len(strays) == len(image.ROIContourSequence)
        raise FileProblem(replace(next(iter(strays.values())), file=label if of_all else which))


def _stack_of(stacks: Sequence[Stack], series: set[str], instances: set[str], frame: str, label: str) -> Stack:
    """Return the one stack that an object refers to."""
    mine = [stack for stack in stacks if stack.planes[0].series in series]
    mine = [stack for stack in mine if not instances or instances & {plane.uid for plane in stack.planes}]
    there: list[Any] = [stack for stack in mine if stack.planes[0].frame_of_reference == frame]
    if len(there) == 1:
        return there[0]
    found = "a reference to a series that was not read" if series else "no reference to a series"
    if mine:
        found = f"a reference to {len(there)} stacks" if there else "another frame of reference"
    remedy = "export it together with its series" if series and not mine else "export it again for one series"
    raise FileProblem(Problem(label, "belong to one stack of its study", found, remedy))
