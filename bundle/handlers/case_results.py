"""Results of inference, one folder a case."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.engines import IterationEvents
from numpy.typing import NDArray

from bundle import keys
from bundle.files import folder_atomically, write_csv, write_json
from bundle.handlers.case_findings import write_findings
from bundle.handlers.case_folder import INSTANCE, case_folder
from bundle.reports import case_picture, write_picture
from bundle.volumes import write_nifti

logger = logging.getLogger(__name__)
_OF_INSTANCE = (INSTANCE, "frame", "position_mm")
_MAP_UNIT = "Attribution map, no unit: where the network looked. Not a probability."


class CaseResultSaver:
    """Writes `<output_dir>/<case>/{slices.csv, summary.json, attribution.nii.gz, overlay.png}` once a case is done.

    With findings `findings.json` and `findings.nii.gz` too. The folder appears by one rename: what exists is complete.

    Args:
        output_dir: made if missing.
        source_slices: oriented image -> index of each slice along the third axis of its file; it becomes the column
            `source_slice` of slices.csv, which is left out where the file is sliced along another axis.
        shown_channel: index of the channel in the picture; -1 is the last.
        map_scale: map values at the two ends of the color scale, for pictures and for viewers of the map; None takes
            the range of each case's map.
        model: metadata of the bundle; its name and version go into the summary.
        checkpoint: file of the weights; its SHA-256 goes into the summary.

    Raises:
        ValueError: `map_scale` is not two numbers, the lower first.

    Example:
        >>> import torch
        >>> from monai.engines import SupervisedEvaluator
        >>> CaseResultSaver("results").attach(SupervisedEvaluator("cpu", [], torch.nn.Identity()))
    """

    def __init__(
        self,
        output_dir: str | Path,
        source_slices: Callable[[MetaTensor], list[int]] | None = None,
        shown_channel: int = -1,
        map_scale: Sequence[float] | None = None,
        model: Mapping[str, Any] | None = None,
        checkpoint: str | Path | None = None,
    ) -> None:
        if map_scale is not None and not (len(map_scale) == 2 and -np.inf < map_scale[0] < map_scale[1] < np.inf):
            raise ValueError(f"map_scale must be two numbers, the lower first, got {map_scale}: see metrics.json.")
        self.output_dir = Path(output_dir)
        self.source_slices = source_slices
        self.shown_channel = shown_channel
        self.map_scale = map_scale
        self.model = model or {}
        self.checkpoint = checkpoint

    def attach(self, engine: Engine) -> None:
        """Write after every volume, which is one iteration, and within it, so that `SkipFailedCases` sees an error."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the cases of this iteration."""
        for batch, output in zip(engine.state.batch, engine.state.output, strict=True):
            folder = self._write({**batch, **output})
            logger.info(f"{batch[keys.CASE]}: {output[keys.RESULT]['volume']['max']:.3f} at most, see {folder}")

    def _write(self, case: Mapping[str, Any]) -> Path:
        """Write one case."""
        name, result, attribution = str(case[keys.CASE]), case[keys.RESULT], case[keys.PRED]
        listed = str(case.get(keys.INSTANCES, "[]"))
        instances = json.loads(listed)
        for row, source in zip(result["slices"], self._source_indices(case[keys.IMAGE]), strict=False):
            row["source_slice"] = source
            if instances:
                row |= {name: instances[source][name] for name in _OF_INSTANCE}
        case_folder(self.output_dir, name, listed)  # asked before the network, but another process may have come first
        scale = case[keys.OVERLAY]["map_range"] if self.map_scale is None else self.map_scale
        summary = {
            "case": name,
            "image": case[keys.IMAGE].meta.get("filename_or_obj"),
            **{entry: value for entry, value in result.items() if entry != "slices"},
            "map_scale": list(scale),
            "map_scale_from": "this case" if self.map_scale is None else "model",
            "model": self._model_record,
        }
        return write_case(
            self.output_dir,
            name,
            attribution=np.asarray(attribution[0]),
            affine=np.asarray(attribution.affine),
            slices=result["slices"],
            summary=summary,
            overlay=case_picture(name, case[keys.OVERLAY], result, self.shown_channel, self.map_scale),
            map_scale=scale,
            further=partial(write_findings, case=case),
        )

    @cached_property
    def _model_record(self) -> dict[str, str | None]:
        """Name and version of the model, and the hash of its weights."""
        record = {entry: self.model.get(entry) for entry in ("name", "version")}
        if self.checkpoint is not None:
            record["weights_sha256"] = hashlib.sha256(Path(self.checkpoint).read_bytes()).hexdigest()
        return record

    def _source_indices(self, image: MetaTensor) -> list[int]:
        """Return the index of each slice in its file, nothing where the file is sliced along another axis."""
        try:
            return [] if self.source_slices is None else self.source_slices(image)
        except ValueError:
            return []


def write_case(
    output_dir: str | os.PathLike[str],
    case: str,
    *,
    attribution: NDArray,
    affine: NDArray,
    slices: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    overlay: NDArray,
    map_scale: Sequence[float] | None = None,
    further: Callable[[Path], Any] | None = None,
) -> Path:
    """Write `<output_dir>/<case>/` with slices.csv, summary.json, attribution.nii.gz and overlay.png.

    The folder appears by one rename when all files are written: every folder that exists is complete.

    Args:
        output_dir: made if missing.
        case: name of the folder.
        attribution: (H, W, D) on the source grid; stored as float32.
        affine: (4, 4) of the source, voxel to world in mm.
        slices: one row per slice, such as {"slice": 0, "probability": 0.9, "blank": False}.
        summary: JSON-serializable result of the volume, such as its probabilities and the threshold.
        overlay: picture, see `write_picture`.
        map_scale: values that a viewer of the map shows as black and as brightest.
        further: writes more files into the folder.

    Returns:
        The folder.

    Raises:
        ValueError: the case cannot name a folder, or an array has a wrong shape.

    Example:
        >>> import numpy as np, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = write_case(folder, "a", attribution=np.zeros((4, 4, 1)), affine=np.eye(4), summary={"max": 0.5},
        ...                       slices=[{"slice": 0, "probability": 0.5}], overlay=np.zeros((8, 8), np.uint8))
        ...     sorted(file.name for file in made.iterdir())
        ['attribution.nii.gz', 'overlay.png', 'slices.csv', 'summary.json']
    """
    path = case_folder(output_dir, case)
    with folder_atomically(path) as folder:
        write_csv(folder / "slices.csv", slices)
        write_json(folder / "summary.json", summary)
        write_nifti(folder / "attribution.nii.gz", attribution, affine, description=_MAP_UNIT, shown_range=map_scale)
        write_picture(folder / "overlay.png", overlay)
        if further is not None:
            further(folder)
    return path
