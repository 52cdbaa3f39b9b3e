"""Small studies of every geometry, and readings of them with one finding at a known place."""

import numpy as np
from support.dicom_files import AXIAL, enhanced, save, slice_of

from bundle.dicom import Model, Reading, find_stacks, read_headers
from bundle.findings.description import describe_regions
from bundle.findings.regions import FindingRule, find_regions

SIZE = (12, 16)
DEPTH = 6
OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)
FLIPPED = (-1, 0, 0, 0, 1, 0)
GEOMETRIES = {
    "axial": {},
    "oblique": {"orientation": OBLIQUE},
    "flipped": {"orientation": FLIPPED},
    "sagittal": {"orientation": (0, 1, 0, 0, 0, -1)},
    "tilted": {"shear": (0.0, 1.25, 0.0)},
    "uneven": {"steps": (0, 3, 6, 9, 14, 19)},
    "not_square": {"spacing": (0.7, 2.1)},
    "single": {"steps": (0,)},
}
PATIENT = {
    "PatientID": "4711",
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19601231",
    "PatientSex": "F",
    "StudyDate": "20200102",
    "StudyTime": "101112",
    "StudyID": "8",
    "AccessionNumber": "A1",
    "ReferringPhysicianName": "",
    "Manufacturer": "Scanner works",
    "SliceThickness": 3,
    "PositionReferenceIndicator": "",
}
UIDS = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.9", "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.3"}


def write_series(
    folder,
    *,
    orientation=AXIAL,
    spacing=(1.5, 1.5),
    steps=tuple(range(0, 3 * DEPTH, 3)),
    shear=(0, 0, 0),
    size=SIZE,
    first=1,
    **more,
):
    """Write a series of single-frame images; `steps` are their places along the normal in mm."""
    normal = np.cross(orientation[:3], orientation[3:])
    for number, step in enumerate(steps, first):
        position = np.array([-20.0, 10, 30]) + step * normal + (number - first) * np.array(shear)
        image = slice_of(number, (0, 0, 0), 100 * number, size=size, **PATIENT, **UIDS)
        image.ImagePositionPatient = [f"{value:.6f}" for value in position]
        image.ImageOrientationPatient, image.PixelSpacing = list(orientation), list(spacing)
        for name, value in more.items():
            setattr(image, name, value)
        save(image, folder)


def write_enhanced(folder, uid="1.2.4.77"):
    """Write an enhanced image of two echoes, whose frames are not in the order of their places."""
    order = [(echo, place) for echo in (5, 9) for place in (2, 0, 1)]
    frames = [{"position": (0, 0, 3 * place), "value": 10 * place + echo, "echo": echo} for echo, place in order]
    image = enhanced(frames, uid=uid, **PATIENT, **UIDS)
    save(image, folder)


def stack_of(folder, which=0):
    stacks, _ = find_stacks(read_headers(folder))
    assert [stack.problems for stack in stacks] == [()] * len(stacks)
    return stacks[which]


BOX = (slice(1, 4), slice(2, 4))


def reading_of(stack, *, positive=True, classes=("lesion",), has_map=True, box=BOX, **more):
    """A reading with a finding in a box of columns and rows of the middle slices; its first voxel has the value 1."""
    columns, rows, depth = stack.shape
    volume, chance = np.zeros((columns, rows, depth), np.float32), np.full((depth, len(classes)), 0.125)
    middle = slice(depth // 2, depth // 2 + 2)
    if positive:
        volume[(*box, middle)], chance[middle, 0] = 0.75, 0.875
        volume[box[0].start, box[1].start, depth // 2] = 1
    regions = find_regions(volume, chance[:, 0], 0.5, FindingRule(0.5), voxel_mm3=1.0)
    findings = describe_regions(regions, chance[:, 0], stack.affine)
    answer = {
        "stack": stack,
        "model": Model("lgm_vit", "0.1.0", "ab" * 32),
        "classes": classes,
        "probability": chance,
        "threshold": (0.5,) * len(classes),
        "volume_probability": tuple(chance.max(axis=0)),
        "volume_threshold": (0.5,) * len(classes),
        "threshold_source": "best F1 of the slices of validation patients",
        "attribution": volume if has_map else None,
        "labels": regions.labels,
        "findings": [{**finding, "key_source_slice": finding["key_slice"]} for finding in findings],
    }
    return Reading(**answer | more)
