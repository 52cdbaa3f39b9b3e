"""Slices of a case, each with its image, class and mask."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform
from numpy.typing import NDArray
from torch import Tensor

from bundle import keys as names
from bundle.transforms.load import default_preprocessing
from bundle.transforms.neighbor_slices import slice_spacing_mm
from bundle.transforms.slice_transform import SliceTransform
from bundle.volumes import MaskValues

# bounds the memory of the float32 copies, whatever the depth of the volume
_CHUNK = 32


class SliceVolumed(Transform):
    """Case dict -> list of slice dicts, in order of the third axis of the preprocessed volume.

    Each slice dict holds "image" (C,S,S) float32, "label" (1,) float32 (0, 1 or -1 for unknown; for several classes ()
    int64), "mask" (1,S,S) uint8 of the label's class, "supervised" () float32 (1 where the case has a mask), "case",
    "patient", "site", "slice_index" and "slice_spacing_mm" (NaN for a tensor without an affine). Without a slice
    transform images keep their size and intensities.
    The class comes from the mask before it is resized: binary: any voxel above 0, or of `mask_values`; several classes:
    the highest present. A slice without the finding that has voxels of `ignored_mask_value` is unknown, -1.

    Args:
        slice_transform: the object shared with the inferer.
        num_classes: 1 for a binary label, K > 1 for classes 0 (background) to K - 1.
        preprocessing: applied to cases whose image is not loaded yet; default `default_preprocessing`.
        mask_values: values of the mask that are the finding, see `MaskValues`; None: all above 0.
        ignored_mask_value: value of voxels of which the reader was unsure.

    Raises:
        ValueError: the image is no volume, or the labels do not fit it.

    Example:
        >>> image, label = torch.rand(3, 8, 8, 2), torch.zeros(1, 8, 8, 2)
        >>> label[..., 2:4, 5, 1] = 1
        >>> first, second = SliceVolumed(SliceTransform(16))({"image": image, "label": label, "case": "a"})
        >>> second["image"].shape, first["label"].item(), second["label"].item(), second["mask"].sum().item()
        (torch.Size([3, 16, 16]), 0.0, 1.0, 8)
    """

    def __init__(
        self,
        slice_transform: SliceTransform | None = None,
        num_classes: int = 1,
        preprocessing: Callable[[Any], Any] | None = None,
        mask_values: Sequence[int] | None = None,
        ignored_mask_value: int | None = None,
    ) -> None:
        if num_classes < 1:
            raise ValueError(f"num_classes must be 1 (binary) or more, got {num_classes}: count the background too.")
        self.slice_transform = slice_transform
        self.num_classes = num_classes
        self.mask_values = MaskValues(mask_values, ignored_mask_value)
        self.preprocessing = preprocessing if preprocessing is not None else default_preprocessing()

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[str, Any]]:
        """Slice one case."""
        case = dict(data)
        if not isinstance(case[names.IMAGE], np.ndarray | Tensor):
            case = self.preprocessing(case)
        image = _plain(case[names.IMAGE])
        if image.ndim != 4:
            raise ValueError(f"image must have the shape (C,H,W,D), got {tuple(image.shape)}: load it as a volume.")
        identity = {**_identity(case), names.SLICE_SPACING: slice_spacing_mm(case[names.IMAGE])}
        mask = _mask_of(case, image=image)
        given = _slice_labels_of(case, num_slices=image.shape[-1], num_classes=self.num_classes)
        return [
            {**entry, **identity, names.SLICE_INDEX: start + offset}
            for start in range(0, image.shape[-1], _CHUNK)
            for offset, entry in enumerate(self._chunk(image, mask, given, range_=slice(start, start + _CHUNK)))
        ]

    def _chunk(self, image: Tensor, mask: Tensor | None, given: Tensor, *, range_: slice) -> list[dict[str, Tensor]]:
        slices = _slices(image, range_=range_).float()  # (N,C,H,W)
        labels = given[range_]
        masks = torch.zeros((len(slices), 1, *slices.shape[-2:]), dtype=torch.uint8)
        if mask is not None:
            values = _slices(mask, range_=range_).numpy()
            classes = torch.from_numpy(self.mask_values.classes(values, self.num_classes))
            unsure = self.mask_values.unsure(values)
            labels = _classes_of(classes, unsure, num_classes=self.num_classes)
            wanted = labels.clamp(min=1).reshape(-1, 1, 1, 1)
            masks = ((classes > 0) if self.num_classes == 1 else (classes == wanted)).to(torch.uint8)
        if self.slice_transform is not None:
            slices, masks = self.slice_transform.image(slices), self.slice_transform.mask(masks)
        targets = labels.float().unsqueeze(1) if self.num_classes == 1 else labels
        supervised = torch.tensor(float(mask is not None))
        rows = zip(slices, targets, masks, strict=True)
        return [
            {names.IMAGE: image_, names.LABEL: label, names.MASK: mask_, names.SUPERVISED: supervised}
            for image_, label, mask_ in rows
        ]


def _plain(volume: Any) -> Tensor:
    return torch.as_tensor(volume.as_tensor() if hasattr(volume, "as_tensor") else volume)


def _slices(volume: Tensor, *, range_: slice) -> Tensor:
    # (C,H,W,D) -> (N,C,H,W); on one thread NumPy copies against the grain in half the time of torch
    return torch.from_numpy(np.ascontiguousarray(volume[..., range_].permute(3, 0, 1, 2).numpy()))


def _classes_of(masks: Tensor, unsure: NDArray | None, *, num_classes: int) -> Tensor:
    """(N,1,H,W) -> (N,) int64, the highest class of each slice; -1 where all that is marked is unsure."""
    highest = masks.amax(dim=(1, 2, 3)).to(torch.int64)
    if num_classes == 1:
        highest = (highest > 0).to(torch.int64)
    elif int(highest.max()) >= num_classes:
        raise ValueError(
            f"label must hold classes from 0 to {num_classes - 1}, got {int(highest.max())}: raise num_classes or "
            "merge classes."
        )
    if unsure is None:
        return highest
    unknown = torch.from_numpy(unsure.any(axis=(1, 2, 3))) & (highest == 0)
    return highest.masked_fill(unknown, names.IGNORED_LABEL)


def _mask_of(case: Mapping[Hashable, Any], *, image: Tensor) -> Tensor | None:
    if case.get(names.LABEL) is None:
        return None
    mask = _plain(case[names.LABEL])
    if tuple(mask.shape) != (1, *image.shape[1:]):
        raise ValueError(
            f"label must have the image's shape {(1, *image.shape[1:])}, got {tuple(mask.shape)}: apply the same "
            "spatial transforms to both."
        )
    return mask


def _slice_labels_of(case: Mapping[Hashable, Any], *, num_slices: int, num_classes: int) -> Tensor:
    """(D,) int64 from the CSV, or -1 everywhere."""
    if case.get(names.SLICE_LABELS) is None:
        return torch.full((num_slices,), names.IGNORED_LABEL, dtype=torch.int64)
    labels = _plain(case[names.SLICE_LABELS])
    file = getattr(case[names.SLICE_LABELS], "meta", {}).get("filename_or_obj", "slice labels")
    if labels.shape[-1] != num_slices or labels.numel() != num_slices:
        raise ValueError(
            f"{file} must hold {num_slices} labels along the slice axis, got shape {tuple(labels.shape)}: the scan's "
            "slice axis is not the file's third one (a sagittal or coronal scan?); use FileOrderd in place of "
            "Orientationd, so that slices are those of the file."
        )
    highest = max(num_classes - 1, 1)
    if int(labels.max()) > highest:
        raise ValueError(f"{file} must hold classes from 0 to {highest}, got {int(labels.max())}: raise num_classes.")
    return labels.flatten().to(torch.int64)


def _identity(case: Mapping[Hashable, Any]) -> dict[str, str]:
    file = Path(str(getattr(case[names.IMAGE], "meta", {}).get("filename_or_obj", "unknown"))).name
    stem = file.removesuffix(".gz").removesuffix(".nii")
    given = {key: str(case[key]) for key in (names.CASE, names.PATIENT, names.SITE) if case.get(key) is not None}
    name = given.get(names.CASE, stem)
    return {names.CASE: name, names.PATIENT: name, names.SITE: "unknown", **given}
