"""Inference of MONAI Label with a packed bundle."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastapi import HTTPException
from monailabel.interfaces.tasks.batch_infer import BatchInferTask
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.utils.others.generic import device_list, file_ext, name_to_device

from bundle.consumers.label.answer import LABELS, answer, label_map, label_names, write_volume
from bundle.consumers.label.network import LabelNetwork
from bundle.keys import PRED

logger = logging.getLogger(__name__)
KINDS = ("findings", "map")
_UNPROCESSABLE = 422


class SliceInferTask(InferTask):
    """Label map of findings, or the map, and JSON, for the clients of MONAI Label.

    Args:
        network: of the bundle.
    """

    def __init__(self, network: LabelNetwork) -> None:
        config = {"device": device_list(), "result_kind": list(KINDS)}
        super().__init__(InferType.SEGMENTATION, LABELS, 3, network.description, config)
        self.network = network

    def is_valid(self) -> bool:
        """Return whether there are weights."""
        return self.network.weights.is_file()

    def get_path(self, validate: bool = True) -> str | None:
        """Return the file of the weights that clients may look at and download."""
        return str(self.network.weights) if self.is_valid() or not validate else None

    def __call__(self, request: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Return the file of the label map, or of the map (`result_kind`), and what JSON says.

        Raises:
            HTTPException: 422 with the reason where the image does not fit the network or the request asks the unknown.
        """
        kind = _first(request.get("result_kind")) or KINDS[0]
        try:
            _check(kind, request)
            device = request.get("device")
            found = self.network.infer(request["image"], name_to_device(device) if isinstance(device, str) else None)
            labels = label_map(found.found)
            said = answer(found.found, found.network) | {"label_names": label_names(labels), "result_kind": kind}
        except (ValueError, OSError) as error:
            logger.warning(f"refused: {error}")
            raise HTTPException(_UNPROCESSABLE, str(error)) from error
        extension = request.get("result_extension") or _extension_of(request["image"])
        file = Path(tempfile.mkdtemp(prefix="lgm_vit_")) / f"{kind}{extension}"
        pred = found.found[PRED]
        write_volume(np.asarray(pred[0], np.float32) if kind == "map" else labels, pred, file)
        return str(file), said


class SliceBatchInferTask(BatchInferTask):
    """Label maps of many images; one that cannot be read takes no other with it."""

    def __call__(self, request: dict[str, Any], datastore: Any, infer: Callable[..., Any]) -> dict[str, Any]:
        """Return the answer to each image, or why there is none."""

        def one(of_image: dict[str, Any], images: Any) -> dict[str, Any]:
            try:
                return dict(infer(of_image, images))
            except HTTPException as error:
                return {"params": {"error": error.detail}}

        # 0.8.5 divides by the number of GPUs
        several = bool(request.get("multi_gpu", True)) and torch.cuda.device_count() > 0
        return dict(super().__call__({**request, "multi_gpu": several}, datastore, one))


def _first(value: Any) -> Any:
    """Return the choice: a client that does not choose sends the list of the choices."""
    return value[0] if isinstance(value, list | tuple) else value


def _check(kind: str, request: dict[str, Any]) -> None:
    if kind not in KINDS:
        raise ValueError(f"result_kind must be one of {', '.join(KINDS)}, got {kind!r}: choose one.")
    if kind == "map" and request.get("save_label"):
        raise ValueError("result_kind must be findings where the label is saved, got map: a map is no label.")


def _extension_of(image: Any) -> str:
    extension = file_ext(str(image)) if isinstance(image, str) else ""
    return extension if extension in {".nii", ".nii.gz", ".nrrd", ".mha"} else ".nii.gz"
