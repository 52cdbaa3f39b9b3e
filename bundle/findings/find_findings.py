"""Transform of inference that makes findings of a volume's map and probabilities."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform
from torch import Tensor

from bundle import keys as names
from bundle.findings.description import describe_regions
from bundle.findings.regions import FindingRule, find_regions
from bundle.findings.slice_places import uneven_places
from bundle.volumes import is_slice_image


class FindFindingsd(Transform):
    """Add the `findings` of a case and their label map, of the outputs of `SplitPredictiond`.

    `findings` is JSON-serializable: the rule, and a list that is empty where nothing is found. `finding_labels`
    (1, H, W, D) int32 holds the number of the finding in each voxel; like `pred` it has the operations of the image, so
    that `Invertd` brings it to the source grid.

    Where the case names the `instances` of a DICOM series whose slices are unevenly apart, sizes and places are by the
    position of each slice, and `findings` has `slice_distances` "own".

    Args:
        rule: entries of a `FindingRule`; None finds nothing and adds nothing.
        num_classes: 1, as the map of several classes does not say of which class it is.

    Raises:
        ValueError: the rule is malformed, or the network has several classes.

    Example:
        >>> case = {"image": torch.rand(1, 4, 4, 1), "pred": MetaTensor(torch.ones(1, 4, 4, 1))}
        >>> case["overlay"], case["result"] = {"affine": None}, {"slices": [{"probability": 0.75}], "threshold": 0.5}
        >>> found = FindFindingsd({"map_threshold": 0.5})(case)["findings"]["findings"]
        >>> len(found), found[0]["score"], found[0]["voxels"]
        (1, 0.75, 16)
    """

    def __init__(self, rule: Mapping[str, Any] | None = None, num_classes: int = 1) -> None:
        if rule is not None and num_classes > 1:
            raise ValueError(
                f"finding_rule must be null for a network of several classes, got {num_classes}, whose map does not "
                "say which of them it shows: leave it out."
            )
        self.rule = None if rule is None else FindingRule.read(rule)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with the findings."""
        case = dict(data)
        if self.rule is None:
            return case
        image, pred, result = case[names.IMAGE], case[names.PRED], case[names.RESULT]
        probability, affine = [row["probability"] for row in result["slices"]], _affine(image)
        places = uneven_places(image, case.get(names.INSTANCES, ""))
        volume, size = pred.as_tensor()[0].numpy(), voxel_mm3(affine)
        thickness = 1.0 if places is None else places.thickness
        regions = find_regions(volume, probability, result["threshold"], self.rule, size, thickness)
        has_place = case[names.OVERLAY]["affine"] is not None
        is_sized = not is_slice_image(str(getattr(image, "meta", {}).get("filename_or_obj", "")))
        found = describe_regions(regions, probability, affine if is_sized else None, has_place=has_place, places=places)
        told = {} if places is None else {"slice_distances": "own"}
        case[names.FINDINGS] = {
            **self.rule.entries(),
            "slice_threshold": result["threshold"],
            **told,
            "findings": found,
        }
        labels = torch.from_numpy(regions.labels)[None]
        case[names.FINDING_LABELS] = MetaTensor(labels, meta=pred.meta, applied_operations=pred.applied_operations)
        return case


def finding_numbers(labels: Tensor) -> np.ndarray:
    """Return the label map of findings, (H, W, D) int32.

    Args:
        labels: (1, H, W, D), what `Invertd` made of `finding_labels`; of floats on a grid that was resampled.

    Example:
        >>> finding_numbers(torch.tensor([[[[0.0, 0.9999]]]]))
        array([[[0, 1]]], dtype=int32)
    """
    values = np.asarray(labels[0])
    return values if values.dtype == np.int32 else np.rint(values).astype(np.int32)


def voxel_mm3(affine: np.ndarray) -> float:
    """Return the volume of a voxel.

    Args:
        affine: (4, 4), voxel to world in mm.

    Example:
        >>> voxel_mm3(np.diag([2.0, -2.0, 5.0, 1.0]))
        20.0
    """
    return float(round(abs(np.linalg.det(affine[:3, :3])), 9))


def _affine(image: Tensor) -> np.ndarray:
    return np.asarray(image.affine if isinstance(image, MetaTensor) else np.eye(4), dtype=np.float64)
