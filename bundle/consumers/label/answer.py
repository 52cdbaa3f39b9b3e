"""Answer of a network in the forms that viewers show: a label map of numbered findings, the map, JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import MetaTensor
from numpy.typing import NDArray

from bundle.clinic import StudyNetwork
from bundle.consumers.label.dicom_volumes import SERIES_WARNINGS
from bundle.findings import finding_numbers
from bundle.keys import FINDING_LABELS, FINDINGS, IMAGE, PRED, RESULT
from bundle.volumes import source_slice_indices, write_nifti
from bundle.volumes.write_nifti import upright_affine

LABELS = {"finding": 1}
_MOST = int(np.iinfo(np.uint8).max)
_TENTH = 0.9


def label_map(found: Mapping[str, Any]) -> NDArray:
    """Return the number of the finding in each voxel, on the grid of the file, uint8; 0 outside.

    Of a bundle without `finding_rule` it is 1 where the map is among the highest tenth of a positive slice, and above
    its lowest value.

    Args:
        found: see `StudyNetwork.infer`.

    Raises:
        ValueError: there are more findings than a uint8 can number; without a `finding_rule`, the file is sliced along
            another axis.
    """
    if FINDING_LABELS not in found:
        return _region(found)
    labels = finding_numbers(found[FINDING_LABELS])
    if labels.max(initial=0) > _MOST:
        raise ValueError(
            f"a label map for viewers must number at most {_MOST} findings, got {int(labels.max())}: raise minimum_ml "
            "of the bundle's finding_rule."
        )
    return labels.astype(np.uint8)


def _region(found: Mapping[str, Any]) -> NDArray:
    attribution = np.asarray(found[PRED][0])
    region = np.zeros(attribution.shape, np.uint8)
    sources = source_slices(found)
    positive = [row["slice"] for row in found[RESULT]["slices"] if row["positive"]]
    if positive and sources is None:
        raise ValueError(
            "the image must be sliced along the last axis of its file, got another: a bundle without a finding_rule "
            "cannot mark its slices. Choose the rule by scripts/score_findings.py and pack again."
        )
    for index in positive:
        plane = attribution[..., sources[index]]  # type: ignore[index]
        region[..., sources[index]] = (plane >= np.quantile(plane, _TENTH)) & (plane > plane.min())  # type: ignore[index]
    return region


def source_slices(found: Mapping[str, Any]) -> list[int] | None:
    """Return the index of each slice in its file; None where the file is sliced along another axis."""
    try:
        return source_slice_indices(found[IMAGE])
    except ValueError:
        return None


def answer(found: Mapping[str, Any], network: StudyNetwork) -> dict[str, Any]:
    """Return what JSON says of an image.

    Args:
        found: see `StudyNetwork.infer`.
        network: that gave it.

    Returns:
        `slices` (probability, whether positive and blank, `source_slice`), `volume`, thresholds and decision as in
        ``summary.json``; `top_slice`, the index in the file of the slice of highest probability; `findings`, without
        their outlines; `threshold_source`, a sentence; `warnings`, what is unusual about the DICOM series, and in what
        the scan is unlike the training data; `model` with name, version and SHA-256 of the weights.
    """
    result, sources = dict(found[RESULT]), source_slices(found)
    rows = [{**row, "source_slice": None if sources is None else sources[row["slice"]]} for row in result["slices"]]
    top = max(rows, key=lambda row: row["probability"])
    model = network.model
    return {
        **result,
        "slices": rows,
        "top_slice": top["source_slice"],
        "top_probability": top["probability"],
        "findings": [
            {key: value for key, value in finding.items() if not key.startswith("contours")}
            | {"key_source_slice": rows[finding["key_slice"]]["source_slice"]}
            for finding in found.get(FINDINGS, {}).get("findings", ())
        ],
        "label_from": "findings" if FINDINGS in found else "highest tenth of the map in positive slices",
        "threshold_source": network.threshold_source,
        "warnings": [*found.get(SERIES_WARNINGS, ()), *network.input_warnings(found)],
        "model": {"name": model.name, "version": model.version, "weights_sha256": model.weights_sha256},
    }


def label_names(labels: NDArray) -> dict[str, int]:
    """Return the names of the values of a label map, as a viewer lists its segments.

    Example:
        >>> label_names(np.array([0, 2, 1])), label_names(np.zeros(1))
        ({'finding': 1, 'finding 2': 2}, {'finding': 1})
    """
    return LABELS | {f"finding {number}": number for number in range(2, int(labels.max(initial=0)) + 1)}


def write_volume(values: NDArray, like: MetaTensor, file: Path) -> None:
    """Write a map, or a label map, on the grid of the image.

    Args:
        values: (X, Y, Z) on the grid of the file that was read; uint8 for labels.
        like: whose affine it is.
        file: to write; the extension chooses the format: NIfTI, or one that SimpleITK writes.
    """
    affine = np.asarray(like.affine, dtype=np.float64)
    if file.name.endswith((".nii", ".nii.gz")):
        write_nifti(file, values, affine, description="MONAI Label", is_label_map=values.dtype == np.uint8)
        return
    _write_itk(values, affine, file)


def _write_itk(values: NDArray, affine: NDArray, file: Path) -> None:
    import SimpleITK

    affine, to_lps = upright_affine(affine, values.shape), np.diag([-1.0, -1.0, 1.0])
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image = SimpleITK.GetImageFromArray(values.T)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((to_lps @ affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin((to_lps @ affine[:3, 3]).tolist())
    SimpleITK.WriteImage(image, str(file), useCompression=True)
