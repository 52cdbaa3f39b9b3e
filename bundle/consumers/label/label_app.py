"""App of MONAI Label that serves one packed bundle."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

# MONAI Label 0.8.5 imports pydicom_seg, whose last release (0.4.1) does not work with pydicom 3; nothing here uses it
sys.modules.setdefault("pydicom_seg", ModuleType("pydicom_seg"))

from monailabel.interfaces.app import MONAILabelApp  # noqa: E402
from monailabel.tasks.activelearning.first import First  # noqa: E402
from monailabel.tasks.activelearning.random import Random  # noqa: E402

from bundle.consumers.label.infer_task import SliceBatchInferTask, SliceInferTask  # noqa: E402
from bundle.consumers.label.network import LabelNetwork  # noqa: E402
from bundle.consumers.label.studies import Studies  # noqa: E402

MODEL = "lgm_vit"


class LabelApp(MONAILabelApp):
    """Inference, training and active learning of one packed bundle over a folder of studies.

    Args:
        app_dir: folder of the app, with its log.
        studies: folder of the studies.
        conf: `bundle`, the folder of an unpacked bundle; perhaps `device`.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self.network = LabelNetwork(conf["bundle"], conf.get("device") or None)
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
        """Return the images of the studies folder."""
        return Studies(self.studies, self.network)

    def init_infers(self) -> dict[str, Any]:
        """Return the inference task."""
        return {MODEL: SliceInferTask(self.network)}

    def init_batch_infer(self) -> Any:
        """Return inference of many images."""
        return SliceBatchInferTask()

    def init_trainers(self) -> dict[str, Any]:
        """Return the training task."""
        return _optional("train_task", "SliceTrainTask", MODEL, self.network.root, self.conf)

    def init_scoring_methods(self) -> dict[str, Any]:
        """Return the score that the strategy `uncertain` reads."""
        return _optional("scoring_task", "SliceUncertainty", "uncertainty", self._infers[MODEL])

    def init_strategies(self) -> dict[str, Any]:
        """Return the ways in which the next sample is chosen."""
        task, chosen = self._infers[MODEL], {"random": Random(), "first": First()}
        chosen |= _optional("scoring_task", "MostUncertain", "uncertain", task)
        return chosen | _optional("scoring_task", "MostUncertain", "disagreement", task, "disagreement")


def _optional(module: str, name: str, key: str, *args: Any) -> dict[str, Any]:
    path = f"bundle.consumers.label.{module}"
    return {key: getattr(import_module(path), name)(*args)} if find_spec(path) else {}
