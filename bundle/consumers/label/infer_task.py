"""Inference of MONAI Label with a packed bundle.

The server (tried: 0.8.5) asks of an inference task only the methods that are here, so that it needs no MONAI Label
itself, but for the errors that become answers of the server.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bundle.consumers.label.answer import LABELS, answer, label_map, label_names, write_volume
from bundle.consumers.label.network import LabelNetwork
from bundle.keys import PRED

logger = logging.getLogger(__name__)
KINDS = ("findings", "map")
_EXTENSIONS = (".nii.gz", ".nii", ".nrrd", ".mha")


class SliceInferTask:
    """Label map of findings, or the map, and JSON, for the clients of MONAI Label.

    Args:
        network: of the bundle.
    """

    type = "segmentation"
    labels = LABELS
    dimension = 3

    def __init__(self, network: LabelNetwork) -> None:
        self.network = network
        self.description = network.description

    def info(self) -> dict[str, Any]:
        """Return what clients show of the model."""
        shown = ("type", "labels", "dimension", "description")
        return {**{name: getattr(self, name) for name in shown}, "config": self.config()}

    def config(self) -> dict[str, Any]:
        """Return the options of a request; the first choice is the default."""
        cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        return {"device": [*cuda, "cpu"], "result_kind": list(KINDS)}

    def is_valid(self) -> bool:
        """Return whether there are weights."""
        return self.network.weights.is_file()

    def get_path(self, validate: bool = True) -> str | None:
        """Return the file of the weights that clients may look at and download."""
        return str(self.network.weights) if self.is_valid() or not validate else None

    def __call__(self, request: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Return the file of the label map, or of the map, and what JSON says.

        Args:
            request: `image`, see `LabelNetwork.infer`, and perhaps `result_kind`, `result_extension` and `device`. A
                label map is uint8 and a map float32, whatever `result_dtype` says. With `restore_label_idx` false all
                findings have the number of the model's one label.

        Raises:
            HTTPException: 422 with the reason, where the image does not fit the network, cannot be read, or the request
                asks for what there is not.
        """
        try:
            return self._answered(request)
        except (ValueError, OSError) as error:
            from fastapi import HTTPException  # the server's own, which it turns into an answer

            logger.warning(f"refused: {error}")
            raise HTTPException(422, str(error)) from error

    def _answered(self, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        kind, extension = _kind(request), _extension(request)
        network, found = self.network.infer(request["image"], _device(request))
        values, names = np.asarray(found[PRED][0], dtype=np.float32), LABELS
        if kind != "map":
            values = label_map(found)
            if request.get("restore_label_idx") is False:  # OHIF knows the model's labels alone, and drops all others
                values = (values > 0).astype(np.uint8)
            names = label_names(values)
        handle, file = tempfile.mkstemp(extension, "lgm_vit_")  # the server removes it once it is sent
        os.close(handle)
        write_volume(values, found[PRED], Path(file))
        return file, answer(found, network) | {"result_kind": kind, "label_names": names}


def _kind(request: Mapping[str, Any]) -> str:
    """Return the kind of result; a client that does not choose sends the list of the choices."""
    asked = request.get("result_kind") or KINDS
    kind = asked if isinstance(asked, str) else asked[0]
    if kind not in KINDS:
        raise ValueError(f"result_kind must be one of {', '.join(KINDS)}, got {kind!r}: choose one.")
    if kind == "map" and request.get("save_label"):
        raise ValueError("result_kind must be findings where the label is saved, got map: a map is no label.")
    return str(kind)


def _extension(request: Mapping[str, Any]) -> str:
    asked, image = request.get("result_extension"), str(request["image"]).lower()
    if asked and asked not in _EXTENSIONS:
        raise ValueError(f"result_extension must be one of {', '.join(_EXTENSIONS)}, got {asked!r}: choose one.")
    return str(asked) if asked else next((each for each in _EXTENSIONS if image.endswith(each)), _EXTENSIONS[0])


def _device(request: Mapping[str, Any]) -> str | None:
    """Return the device asked for; clients of a server without a GPU send ``"cuda"`` all the same."""
    asked = request.get("device")
    if not isinstance(asked, str) or (asked.startswith("cuda") and not torch.cuda.is_available()):
        return None
    return asked
