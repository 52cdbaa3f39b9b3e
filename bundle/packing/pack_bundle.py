"""From a run's folder to the archive."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bundle.packing.bundle_files import bundle_files
from bundle.packing.model_card import model_card
from bundle.packing.packed_inference import packed_inference
from bundle.packing.packed_metadata import packed_metadata
from bundle.packing.packed_train import packed_train
from bundle.packing.require_fit import require_fit
from bundle.packing.require_no_machine_paths import require_no_machine_paths
from bundle.packing.trained_run import TrainedRun
from bundle.packing.write_archive import write_archive

NAME = "lgm_vit"
"""Folder in the archive. MONAI Label guesses a task from it: one with "classification" would lose map and slices."""
ROOT = Path(__file__).parents[2]
CARD = "docs/README.md"
TRAIN, INFERENCE, METADATA = (f"configs/{name}.json" for name in ("train", "inference", "metadata"))


def pack_bundle(
    run_folder: str | os.PathLike[str], archive: str | os.PathLike[str], root: str | os.PathLike[str] = ROOT
) -> Path:
    """Make the archive of a trained run: `lgm_vit/` with configs, weights, docs, code, licence and a sha256 list.

    The run's knobs are written into train.json, inference.json and metadata.json, so that network, weights and
    metadata fit each other; this is tried before anything is written. The same run gives the same bytes.

    Args:
        run_folder: `output_dir` of a training, with `metrics.json` if it was evaluated.
        archive: the zip file to write.
        root: the bundle whose code and defaults are packed.

    Returns:
        `archive`.

    Raises:
        ValueError: the run is incomplete, names places of this machine, or its parts do not fit each other.

    Example:
        >>> pack_bundle("no/run", "lgm_vit.zip")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: no/run expected config.json and model.pt, got no config.json and no model.pt: ...
    """
    run, files = TrainedRun.read(run_folder), bundle_files(Path(root))
    defaults = {name: json.loads(files[name]) for name in (TRAIN, INFERENCE, METADATA)}
    train = packed_train(run.config, defaults[TRAIN])
    inference = packed_inference(train, defaults[INFERENCE], run.threshold, run.volume_threshold)
    metadata = packed_metadata(train, defaults[METADATA], run.metrics, inference["threshold"])
    for config in (train, inference):
        require_no_machine_paths(config, f"{run.folder / 'config.json'}")
        require_fit(config, run.weights, metadata)
    packed = {TRAIN: train, INFERENCE: inference, METADATA: metadata}
    files |= {name: (json.dumps(content, indent=4) + "\n").encode() for name, content in packed.items()}
    thresholds = (inference["threshold"], run.volume_threshold)
    files[CARD] = model_card(files[CARD].decode(), run, *thresholds).encode()
    files["models/model.pt"] = run.weights.read_bytes()
    return write_archive(archive, NAME, files)
