"""App of MONAI Label that serves one packed bundle."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

# MONAI Label 0.8.5 imports pydicom_seg, whose last release (0.4.1) does not work with pydicom 3; nothing here uses it
sys.modules.setdefault("pydicom_seg", ModuleType("pydicom_seg"))

import torch  # noqa: E402
from fastapi import HTTPException  # noqa: E402
from monailabel.interfaces.app import MONAILabelApp  # noqa: E402
from monailabel.interfaces.tasks.batch_infer import BatchInferTask  # noqa: E402
from monailabel.tasks.activelearning.first import First  # noqa: E402
from monailabel.tasks.activelearning.random import Random  # noqa: E402

from bundle.consumers.label.archive import ArchivedStudies  # noqa: E402
from bundle.consumers.label.infer_task import SliceInferTask  # noqa: E402
from bundle.consumers.label.network import LabelNetwork  # noqa: E402
from bundle.consumers.label.scoring_task import MostUncertain, SliceUncertainty  # noqa: E402
from bundle.consumers.label.studies import Studies  # noqa: E402
from bundle.consumers.label.train_task import SliceTrainTask  # noqa: E402

MODEL = "lgm_vit"


class LabelApp(MONAILabelApp):
    """Inference, training and active learning of one packed bundle over a folder of studies.

    Args:
        app_dir: folder of the app, with its log.
        studies: folder of the studies, or address of a DICOMweb service.
        conf: `bundle`, the folder of an unpacked bundle; perhaps `device`.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self.network = LabelNetwork(conf["bundle"], conf.get("device"), conf.get("contrasts"))
        super().__init__(
            app_dir,
            studies,
            conf,
            name="LGM-ViT",
            description=self.network.description,
            version="1",
            labels=["finding"],
        )

    def init_datastore(self) -> Any:
        """Return the images of the studies folder, or of an archive."""
        if self.studies.startswith(("http://", "https://")):
            return ArchivedStudies(self.studies, Path(self.app_dir) / "archive", self.network)
        return Studies(self.studies, self.network)

    def init_infers(self) -> dict[str, Any]:
        """Return the inference task."""
        return {MODEL: SliceInferTask(self.network)}

    def init_batch_infer(self) -> Any:
        """Return inference of many images."""
        return _BatchInfer()

    def init_trainers(self) -> dict[str, Any]:
        """Return the training task."""
        return {MODEL: SliceTrainTask(self.network.root, self.conf)}

    def init_scoring_methods(self) -> dict[str, Any]:
        """Return the score that the strategy `uncertain` reads."""
        return {"uncertainty": SliceUncertainty(self._infers[MODEL])}

    def init_strategies(self) -> dict[str, Any]:
        """Return the ways in which the next sample is chosen."""
        task = self._infers[MODEL]
        scored = {"uncertain": MostUncertain(task), "disagreement": MostUncertain(task, "disagreement")}
        return {"random": Random(), "first": First(), **scored}


class _BatchInfer(BatchInferTask):
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
