"""Active learning for MONAI Label: images are scored once for each model, and the most uncertain one is given next.

Both classes have the methods of `ScoringMethod` and `Strategy` of `monailabel.interfaces.tasks`, which are all that the
server (tried: 0.8.5) asks of them, and need no MONAI Label themselves.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Protocol

from bundle.consumers.label.uncertainty import KEY, SCORES, image_scores, label_calibration, next_image
from bundle.workflow.last_line import cause

logger = logging.getLogger(__name__)


class Datastore(Protocol):
    """The part of a datastore of MONAI Label that active learning asks."""

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the names of images without a label."""

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what is noted of an image."""

    def get_image_uri(self, image_id: str) -> str:
        """Return the file of an image."""

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Note more of an image."""


class InferTask(Protocol):
    """The part of the app's inference task that active learning asks: a `LabelNetwork`."""

    network: Any


class SliceUncertainty:
    """Notes the scores of `image_scores` for every unlabeled image, once for each image and model.

    An image that cannot be read is named in the log and in the answer, and does not stop the others.

    Args:
        task: whose network is asked.
    """

    def __init__(self, task: InferTask) -> None:
        self.task = task

    def info(self) -> dict[str, Any]:
        """Return what clients show."""
        return {"description": "Label entropy of the least certain slices, and disagreement of label and map"}

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Score what the model in use has not scored.

        Returns:
            Numbers of images: `total`, `skipped` (scored before), `executed`; and `failed`, image -> reason.
        """
        images, executed = datastore.get_unlabeled_images(), 0
        failed: dict[str, str] = {}
        weights = self.task.network.on().model.weights_sha256
        new = [name for name in images if datastore.get_image_info(name).get(KEY, {}).get("weights_sha256") != weights]
        for image in new:
            try:
                network, found = self.task.network.infer(datastore.get_image_uri(image))
                scores = image_scores(found, label_calibration(network))
            except Exception as error:  # a reader of any format may raise anything
                failed[image] = cause(error)
                logger.warning(f"{image} is not scored: {failed[image]}")
                continue
            datastore.update_image_info(image, {KEY: {**scores, "weights_sha256": network.model.weights_sha256}})
            executed += 1
        return {"total": len(images), "skipped": len(images) - len(new), "executed": executed, "failed": failed}


class MostUncertain:
    """Gives the unlabeled image with the highest score of the model in use, see `next_image`.

    Args:
        task: whose model is in use.
        score: one of `SCORES`.

    Raises:
        ValueError: there is no such score.

    Example:
        >>> MostUncertain(task=None, score="disagreement").info()
        {'description': 'Unlabeled image with the highest disagreement of the model in use'}
    """

    def __init__(self, task: InferTask, score: str = SCORES[0]) -> None:
        if score not in SCORES:
            raise ValueError(f"score must be one of {', '.join(SCORES)}, got {score!r}: choose one.")
        self.task, self.score = task, score

    def info(self) -> dict[str, Any]:
        """Return what clients show."""
        return {"description": f"Unlabeled image with the highest {self.score} of the model in use"}

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        """Return `id` and score of the image, `scored` false where no image is scored yet; None if all are labeled."""
        images = datastore.get_unlabeled_images(request.get("label_tag"), request.get("labels"))
        if not images:
            return None
        infos = {image: datastore.get_image_info(image) for image in images}
        weights = self.task.network.on().model.weights_sha256
        image, value = next_image(infos, weights, self.score, str(request.get("strategy", "")), time.time())
        return {"id": image, self.score: value, "scored": value is not None}
