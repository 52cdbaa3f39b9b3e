"""A CT folder to a volume, a report and DICOM objects, beside dcm2niix: seconds of the processor, and peak memory."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure
from benchmarks.scale import Scale
from benchmarks.subprocesses import answer

_PIECE = 1 << 20


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Return time over the budget, 3 times dcm2niix and writing the same bytes, and memory over the volume's size.

    `study_over_budget` is for the volume, `study_results_over_budget` for all of the way but the network, whose answers
    are at hand: volume, findings, report and objects, whose map is twice the volume. The two take turns; nothing is
    measured where dcm2niix is not installed. Starting Python is not part of it.
    """
    if not shutil.which("dcm2niix"):
        return []
    study = folder / "study"
    _write_ct(study, scale.ct_side, scale.ct_slices)
    ours, results, theirs, writes, memory, read_memory = [], [], [], [], [], []
    for turn in range(min(scale.repetitions, 3)):
        arguments = {"study": str(study), "output": str(folder / f"ours{turn}"), "key": str(folder / "key")}
        found = answer("prepared", arguments)
        ours.append(found["seconds"])
        results.append(found["read_seconds"])
        memory.append(found["mib"])
        read_memory.append(found["read_mib"])
        theirs.append(_converted(study, folder / f"theirs{turn}"))
        writes.append(_written(folder / "same", 2 * scale.ct_side**2 * scale.ct_slices))
    ratios = sorted(o / (3 * t + w) for o, t, w in zip(ours, theirs, writes, strict=True))
    size = 2 * scale.ct_side**2 * scale.ct_slices / 2**20
    peaks = sorted(mib / size for mib in memory)
    all_of_it = [] if None in results else results
    of_all = sorted(r / (3 * t + 3 * w) for r, t, w in zip(all_of_it, theirs, writes, strict=bool(all_of_it)))
    details = {
        "seconds": ours,
        "read_seconds": results,
        "dcm2niix_seconds": theirs,
        "write_seconds": writes,
        "mib": memory,
        "read_mib": read_memory,
    }
    return [
        Figure("study_over_budget", statistics.median(ratios), ratios[0], ratios[-1], details=details),
        Figure("study_memory_over_volume", statistics.median(peaks), peaks[0], peaks[-1]),
        *(Figure("study_results_over_budget", statistics.median(of_all), of_all[0], of_all[-1]) for _ in of_all[:1]),
    ]


def _converted(study: Path, output: Path) -> float:
    output.mkdir()
    before = os.times()
    command = ["dcm2niix", "-b", "n", "-z", "n", "-o", str(output), str(study)]
    subprocess.run(command, capture_output=True, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _written(path: Path, size: int) -> float:
    piece = b"\1" * _PIECE  # memory that is at hand; a large new one takes longer to touch than to write
    start = time.process_time()
    with path.open("wb", buffering=0) as file:
        for _ in range(-(-size // _PIECE)):
            file.write(piece)
    seconds = time.process_time() - start
    path.unlink()
    return seconds


def _write_ct(folder: Path, side: int, slices: int) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset  # an optional package
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 2000, (side + slices, side), dtype=np.uint16)
    for number in range(1, slices + 1):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
        meta.MediaStorageSOPInstanceUID = f"1.2.4.{number}"
        image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        image.SOPClassUID, image.SOPInstanceUID, image.Modality = CTImageStorage, f"1.2.4.{number}", "CT"
        image.PatientID, image.StudyInstanceUID, image.SeriesInstanceUID = "1", "1.2.9", "1.2.3"
        image.FrameOfReferenceUID, image.SeriesNumber, image.InstanceNumber = "1.2.8", 1, number
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, float(number)], [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness, image.Rows, image.Columns = [0.7, 0.7], 1, side, side
        image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
        image.RescaleSlope, image.RescaleIntercept = 1, -1024
        image.PixelData = noise[number : number + side].tobytes()
        image.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)
