"""Readings that a test makes: a stack of planes, a volume with a bright ball, and the answer of a model to it."""

from pathlib import Path

import numpy as np

from bundle.dicom import Model, Plane, Reading, Stack
from bundle.findings import FindingRule, describe_regions, find_regions
from bundle.volumes.dicom_series.planes import Study

AXIAL, SAGITTAL, CORONAL = (1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)


def stack_of(shape, orientation=AXIAL, spacing=(1.0, 1.0), step=3.0, first=(-20.0, -30.0, -40.0), **more):
    """A stack of `shape` columns, rows and slices; spacing is that of rows and of columns, as DICOM has it."""
    columns, rows, count = shape
    normal = np.cross(*np.reshape(orientation, (2, 3)))
    planes = [
        Plane(
            file=Path("Doe_Jane/4711.dcm"),
            kind="1.2.840.10008.5.1.4.1.1.4",
            uid=f"1.2.4.{index}",
            study=Study("4711", "1.2.9"),
            series="1.2.3",
            number="7",
            frame_of_reference="1.2.8",
            position=tuple(np.array(first) + index * step * normal),
            orientation=tuple(map(float, orientation)),
            size=(rows, columns),
            spacing=spacing,
            image_type=("ORIGINAL",),
            echo=None,
            distance=step,
            thickness=step,
            syntax="1.2.840.10008.1.2.1",
            lossy=False,
            repeats={},
            **{"modality": "MR", "frame": None, "instance": 100 + index, **more},
        )
        for index in range(count)
    ]
    return Stack(tuple(planes), {})


def ball(shape, center, radius):
    axes = np.ogrid[tuple(slice(size) for size in shape)]
    return sum((axis - at) ** 2 for axis, at in zip(axes, center, strict=True)) <= radius**2


def reading_of(stack, regions=(), classes=("lesion",), *, has_map=True, threshold=0.5, **more):
    """A reading with a ball per region (center, radius), and its volume; the last class is positive at the balls."""
    shape = stack.shape
    inside = np.zeros(shape, dtype=bool)
    for center, radius in regions:
        inside |= ball(shape, center, radius)
    share = inside.mean(axis=(0, 1)) / max(inside.mean(axis=(0, 1)).max(), 1e-9)
    probability = np.full((shape[2], len(classes)), 0.1)
    probability[:, -1] = 0.1 + 0.85 * share
    volume_map = inside.astype(np.float32)
    found = find_regions(volume_map, probability[:, -1], threshold, FindingRule(0.5), 1.0)
    entries = describe_regions(found, probability[:, -1], stack.affine)
    settings = {
        "model": Model("LGM-ViT", "0.1.0", "ab" * 32),
        "threshold": (threshold,) * len(classes),
        "volume_probability": tuple(probability.max(axis=0)),
        "volume_threshold": (threshold,) * len(classes),
        "threshold_source": "Thresholds were chosen on validation patients.",
        "position": np.full((shape[2], len(classes)), 0.3),
        **more,
    }
    images = (100 * np.arange(shape[0])[:, None, None] / shape[0] + np.zeros(shape) + 200 * inside).astype(np.float32)
    reading = Reading(
        stack=stack,
        classes=tuple(classes),
        probability=probability,
        attribution=volume_map if has_map else None,
        labels=found.labels,
        findings=[{**entry, "key_source_slice": entry["key_slice"]} for entry in entries],
        **settings,
    )
    return reading, images


def account_of(stack):
    """The content of a study.json with a stack that was read, one that was refused and what was set aside."""
    volume = {
        "name": "series7_mr",
        "series_instance_uid": stack.planes[0].series,
        "shape": list(stack.shape),
        "affine": stack.affine.tolist(),
        "modality": "MR",
        "flags": {},
    }
    other = {**volume, "name": "series8_mr", "series_instance_uid": "1.2.5", "flags": {"uneven": "slices are uneven"}}
    return {
        "case": "case_0123456789ab",
        "study_instance_uid": "1.2.9",
        "volumes": [volume, other],
        "refused": [{"name": "series9_mr", "problems": ["series 9 must hold every slice, got a gap: copy it."]}],
        "set_aside": [{"kind": "set aside", "name": "series 1", "reason": "scout", "files": 3}],
    }
