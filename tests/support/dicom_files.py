"""Small DICOM files that a test writes: slices, and enhanced images of several frames."""

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3")
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian

STUDY = "1.2.9"
AXIAL = (1, 0, 0, 0, 1, 0)


def image_header(uid, kind, syntax=ExplicitVRLittleEndian, **more):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, kind
    meta.MediaStorageSOPInstanceUID = uid
    encoding = {"is_implicit_VR": syntax.is_implicit_VR, "is_little_endian": syntax.is_little_endian}
    image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128, **encoding)
    image.SOPClassUID, image.SOPInstanceUID = kind, uid
    image.PatientID, image.PatientName, image.StudyInstanceUID = "4711", "Doe^Jane", STUDY
    image.SeriesInstanceUID, image.SeriesNumber, image.Modality = "1.2.3", 7, "CT"
    image.Rows, image.Columns = 4, 5
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    for name, value in more.items():
        setattr(image, name, value)
    return image


def slice_of(number, position, value=None, *, size=(4, 5), syntax=ExplicitVRLittleEndian, **more):
    """One axial slice; its pixels count up from `value`, by default ten times its place in the body."""
    kind = more.pop("kind", CTImageStorage)
    image = image_header(f"1.2.4.{number}", kind, syntax, Rows=size[0], Columns=size[1])
    image.InstanceNumber, image.ImageType = number, ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.ImagePositionPatient, image.ImageOrientationPatient = list(position), list(AXIAL)
    image.PixelSpacing, image.FrameOfReferenceUID = [2.0, 0.5], "1.2.8"
    for name, entry in more.items():
        setattr(image, name, entry)
    start = 10 * round(position[2]) if value is None else value
    signed = "i2" if image.PixelRepresentation else "u2"
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    image.PixelData = (np.arange(size[0] * size[1]).reshape(size) + start).astype(order + signed).tobytes()
    return image


def save(image, folder, name=None):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"{image.SOPInstanceUID}.dcm")
    image.save_as(path, enforce_file_format=True)
    return path


def enhanced(frames, *, uid="1.2.4.1", **shared):
    """An enhanced MR image; each frame is a dictionary with position, value, slope, echo, time."""
    image = image_header(uid, EnhancedMRImageStorage, Modality="MR", NumberOfFrames=len(frames), **shared)
    image.FrameOfReferenceUID, image.InstanceNumber = "1.2.8", 1
    common = Dataset()
    common.PlaneOrientationSequence = [item(ImageOrientationPatient=list(AXIAL))]
    common.PixelMeasuresSequence = [item(PixelSpacing=[2.0, 0.5], SliceThickness=3)]
    image.SharedFunctionalGroupsSequence = [common]
    groups, pixels = [], []
    for frame in frames:
        group = Dataset()
        group.PlanePositionSequence = [item(ImagePositionPatient=list(frame["position"]))]
        group.MRImageFrameTypeSequence = [item(FrameType=["ORIGINAL", "PRIMARY", "T1", "NONE"])]
        group.PixelValueTransformationSequence = [item(RescaleSlope=frame.get("slope", 1), RescaleIntercept=0)]
        if "echo" in frame:
            group.MREchoSequence = [item(EffectiveEchoTime=float(frame["echo"]))]
        if "time" in frame:
            group.FrameContentSequence = [item(TemporalPositionIndex=frame["time"])]
        if "direction" in frame:
            deeper = [item(DiffusionGradientOrientation=frame["direction"])]
            group.MRDiffusionSequence = [item(DiffusionBValue=1000.0, DiffusionGradientDirectionSequence=deeper)]
        groups.append(group)
        pixels.append(np.full((4, 5), frame["value"], "<u2"))
    image.PerFrameFunctionalGroupsSequence = groups
    image.PixelData = np.stack(pixels).tobytes()
    return image


def item(**values):
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item
