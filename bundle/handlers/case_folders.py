"""Inference leaves one folder a case."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.engines import IterationEvents

from bundle import keys
from bundle.reports import draw_overlay, overlay_panel
from bundle.writers import write_case

logger = logging.getLogger(__name__)


class CaseFolders:
    """Writes `<output_dir>/<case>/{slices.csv, summary.json, attribution.nii.gz, overlay.png}` once a case is done.

    The folder appears by one rename, so whatever kills a run, a folder that is there is finished.

    Args:
        output_dir: made if missing.
        source_slices: oriented image -> index of each slice along the third axis of its file; it becomes the column
            `source_slice` of slices.csv, which is left out where the file is sliced along another axis.

    Example:
        >>> import torch
        >>> from monai.engines import SupervisedEvaluator
        >>> CaseFolders("results").attach(SupervisedEvaluator("cpu", [], torch.nn.Identity()))
    """

    def __init__(self, output_dir: str | Path, source_slices: Callable[[MetaTensor], list[int]] | None = None) -> None:
        self.output_dir = Path(output_dir)
        self.source_slices = source_slices

    def attach(self, engine: Engine) -> None:
        """Write after every volume, which is one iteration, and within it, so that `KeepGoing` sees what fails."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the cases of this iteration."""
        for batch, output in zip(engine.state.batch, engine.state.output, strict=True):
            folder = self.write({**batch, **output})
            logger.info(f"{batch[keys.CASE]}: {output[keys.RESULT]['volume']['max']:.3f} at most, see {folder}")

    def write(self, case: Mapping[str, Any]) -> Path:
        """Write one case."""
        result, attribution = dict(case[keys.RESULT]), case[keys.PRED]
        slices = result.pop("slices")
        for row, source in zip(slices, self.source_indices(case[keys.IMAGE]), strict=False):
            row["source_slice"] = source
        summary = {"case": case[keys.CASE], "image": case[keys.IMAGE].meta.get("filename_or_obj"), **result}
        return write_case(
            self.output_dir,
            str(case[keys.CASE]),
            attribution=np.asarray(attribution[0]),
            affine=np.asarray(attribution.affine),
            slices=slices,
            summary=summary,
            overlay=draw(case[keys.OVERLAY], slices),
        )

    def source_indices(self, image: MetaTensor) -> list[int]:
        """Return where each slice lies in its file, or nothing where its slices are not the file's."""
        try:
            return [] if self.source_slices is None else self.source_slices(image)
        except ValueError:
            return []


def draw(chosen: Mapping[str, Any], slices: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return the picture of the chosen slices: the last channel, and below it the same with the map over it."""
    images = chosen["image"][:, -1]
    plain = [draw_overlay(image, np.zeros_like(image)) for image in images]
    overlays = [draw_overlay(image, attribution) for image, attribution in zip(images, chosen["map"], strict=True)]
    titles = [f"slice {index}: {slices[index]['probability']:.2f}" for index in chosen["index"]]
    return overlay_panel([plain, overlays], column_titles=titles, row_titles=("image", "map"))
