"""Maps, probabilities and masks of a run's own cases, a volume at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.bundle import ConfigParser
from numpy.typing import NDArray

from bundle.data import with_identities
from bundle.files import read_json
from bundle.findings import voxel_mm3
from bundle.keys import CASE, IMAGE, LABEL, PATIENT
from bundle.networks import load_weights
from bundle.packing.configs import packed_inference, packed_train
from bundle.packing.trained_run import TrainedRun
from bundle.volumes import MaskValues
from bundle.workflow.knobs import CONFIGS


class ScoredVolume(NamedTuple):
    """A volume as inference sees it, with its mask.

    Args:
        case: its name.
        patient: of the case.
        volume_map: (H, W, D) float32.
        probability: (D,) of the slices.
        mask: (H, W, D) bool.
        voxel_mm3: volume of a voxel.
    """

    case: str
    patient: str
    volume_map: NDArray
    probability: NDArray
    mask: NDArray
    voxel_mm3: float


class VolumesOfRun:
    """The network of a run on its own validation and test cases, by the config that packing would write.

    Args:
        run: an evaluated run of one class.
        dataset_dir: folder of its data set.

    Raises:
        FileNotFoundError: the run is not evaluated.
        ValueError: it has several classes, its scores are those of other weights, or `dataset_dir` lacks a case.

    Example:
        >>> VolumesOfRun(TrainedRun(Path("no/run"), {}), "data")
        Traceback (most recent call last):
        FileNotFoundError: no/run must hold metrics.json and split.json, got not both: evaluate the run first.
    """

    def __init__(self, run: TrainedRun, dataset_dir: str | Path) -> None:
        if not run.metrics or not (run.folder / "split.json").is_file():
            raise FileNotFoundError(
                f"{run.folder} must hold metrics.json and split.json, got not both: evaluate the run first."
            )
        run.require_own_scores()
        self.run, self.split = run, read_json(run.folder / "split.json")
        train = packed_train(run.config, read_json(CONFIGS / "train.json"))
        training = ConfigParser({**train, "dataset_dir": str(dataset_dir), "bundle_root": str(CONFIGS.parent)})
        if (classes := training.get_parsed_content("num_classes")) > 1:
            raise ValueError(f"{run.folder} must be a run of one class, got {classes}: its map does not say of which.")
        cases = training.get_parsed_content("finder").find()
        self._items = {item[CASE]: item for item in with_identities([case.item() for case in cases])}
        wanted = [case for part in ("val", "test") for case in self.split.get(part, [])]
        if missing := [case for case in wanted if case not in self._items]:
            raise ValueError(
                f"{dataset_dir} must hold the cases of split.json, got no {missing[0]}: give that data set."
            )
        values = [training.get_parsed_content(name) for name in ("mask_values", "ignored_mask_value")]
        self._values = MaskValues(*values)
        self._parser = self._inference(train)

    def _inference(self, train: dict[str, Any]) -> ConfigParser:
        """Return the config of the inference."""
        ensemble = [str(path) for path in self.run.ensemble] or None
        config = packed_inference(train, read_json(CONFIGS / "inference.json"), **self.run.read_off, ensemble=ensemble)
        config["network_def"].pop("_requires_", None)  # this process runs the bundle already
        return ConfigParser({**config, "bundle_root": str(CONFIGS.parent)})

    def __call__(self, part: str) -> Iterator[ScoredVolume]:
        """Yield the volumes of `val` or `test` that have a mask, one after the other."""
        items = [self._items[case] for case in self.split.get(part, [])]
        yield from scored_volumes(self._parser, self.run.weights, items, self._values)


def scored_volumes(
    inference: ConfigParser, weights: Path, items: Iterable[Mapping[str, Any]], mask_values: MaskValues
) -> Iterator[ScoredVolume]:
    """Yield the volumes that have a mask, one after the other, as an inference sees them.

    Args:
        inference: its config.
        weights: of its network.
        items: cases.
        mask_values: values of a mask that are the finding.
    """
    network = inference.get_parsed_content("network").eval()
    load_weights(network, weights)
    preprocessing, inferer = map(inference.get_parsed_content, ("preprocessing", "inferer"))
    device = torch.device(inference.get_parsed_content("device"))
    amp = bool(inference.get_parsed_content("amp"))
    for item in items:
        loaded = preprocessing(item)
        if LABEL not in loaded:
            continue
        image = loaded[IMAGE]
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=amp):
            found = inferer(image[None].to(device), network)[0].float().cpu().numpy()
        mask = mask_values.classes(np.asarray(loaded[LABEL])[0]) > 0
        size = voxel_mm3(np.asarray(image.affine, dtype=np.float64))
        patient = str(item.get(PATIENT) or item[CASE])
        yield ScoredVolume(item[CASE], patient, found[0], found[1, 0, 0].copy(), mask, size)
