"""The archive of a trained run."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundle.files import write_atomically
from bundle.keys import ADAPTATION
from bundle.packing.adapted import adaptation_facts, adapted_settings
from bundle.packing.checks import require_fit, require_no_machine_paths
from bundle.packing.configs import packed_inference, packed_metadata, packed_train, with_one_rule
from bundle.packing.model_card import model_card
from bundle.packing.packed_files import CARD, bundle_files
from bundle.packing.sbom import SBOM, sbom_text
from bundle.packing.trained_run import TrainedRun

_NAME = "lgm_vit"
"""Folder in the archive. MONAI Label guesses a task from it: one with "classification" would lose map and slices."""
_PROFILE = "configs/input_profile.json"
"""What is usual in the training scans, for warnings of others."""
_TRAIN, _INFERENCE, _METADATA = (f"configs/{name}.json" for name in ("train", "inference", "metadata"))
_SUMS = "SHA256SUMS"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that zip knows
_UNIX, _MODE = 3, 0o100644  # a regular file that everyone may read


def pack_bundle(
    run_folder: str | os.PathLike[str],
    archive: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    overlay: str | os.PathLike[str] | None = None,
) -> Path:
    """Make the archive of a trained run: `lgm_vit/` with configs, weights, docs, code, license and a sha256 list.

    A bill of materials names the packages that it needs, with their licenses, as installed here.
    The run's knobs are written into train.json, inference.json and metadata.json, so that network, weights and
    metadata fit each other; this is tried before anything is written. The same run gives the same bytes.

    Args:
        run_folder: `output_dir` of a training, with `metrics.json` if it was evaluated.
        archive: the zip file to write.
        root: the bundle whose code and defaults are packed; None takes this one.
        overlay: file by `scripts/adapt.py`, whose settings replace those of the evaluation in inference.json.

    Returns:
        `archive`.

    Raises:
        ValueError: the run is incomplete, names places of this machine, or its parts or the overlay do not fit it.

    Example:
        >>> pack_bundle("no/run", "lgm_vit.zip")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: no/run must hold config.json and model.pt, got no config.json and no model.pt: ...
    """
    run, files = TrainedRun.read(run_folder), bundle_files(None if root is None else Path(root))
    defaults = {name: json.loads(files[name]) for name in (_TRAIN, _INFERENCE, _METADATA)}
    train = packed_train(run.config, defaults[_TRAIN])
    members = {f"models/ensemble_{number}.pt": path for number, path in enumerate(run.ensemble, start=1)}
    inference = packed_inference(
        train,
        defaults[_INFERENCE],
        **run.read_off,
        ensemble=[f"$@bundle_root + '/{name}'" for name in members] or None,
    )
    volume_threshold, facts = run.volume_threshold, {}
    if overlay is not None:
        adapted = adapted_settings(overlay, inference, run.metrics)
        volume_threshold = adapted.get("volume_threshold", adapted.get("threshold", volume_threshold))
        inference, facts = with_one_rule({**inference, **adapted}), adaptation_facts(overlay, adapted)
    metadata = {**packed_metadata(train, defaults[_METADATA], run.metrics, inference["threshold"]), **facts}
    for config in (train, inference):
        require_no_machine_paths(config, f"{run.folder / 'config.json'}")
        for weights in (run.weights, *members.values()):
            require_fit(config, weights, metadata)
    run.require_own_scores()
    profile = {_PROFILE: run.input_profile} if run.input_profile else {}
    packed = {_TRAIN: train, _INFERENCE: inference, _METADATA: metadata, **profile}
    files |= {name: (json.dumps(content, indent=4) + "\n").encode() for name, content in packed.items()}
    thresholds = (inference["threshold"], volume_threshold)
    shape, adaptation = _batch_shape(metadata), metadata.get(ADAPTATION)
    files[CARD] = model_card(files[CARD].decode(), run, *thresholds, shape, adaptation).encode()
    files |= {name: path.read_bytes() for name, path in {"models/model.pt": run.weights, **members}.items()}
    files[SBOM] = sbom_text(metadata)
    return write_archive(archive, _NAME, files)


def _batch_shape(metadata: Mapping[str, Any]) -> tuple[int, ...]:
    image = metadata["network_data_format"]["inputs"]["image"]
    return (2, image["num_channels"], *image["spatial_shape"])


def write_archive(path: str | os.PathLike[str], folder: str, files: Mapping[str, bytes]) -> Path:
    """Write files and their sha256 list below one folder of a zip, by rename: whole or not at all.

    Names are sorted, dates and modes fixed. Weights are stored, the rest is compressed.

    Args:
        path: the archive.
        folder: its only top-level folder.
        files: relative name -> content. `sha256sum -c SHA256SUMS` in the unpacked folder checks them.

    Raises:
        ValueError: a name would leave the folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     zipfile.ZipFile(write_archive(Path(place) / "a.zip", "lgm_vit", {"b/c.txt": b"c"})).namelist()
        ['lgm_vit/SHA256SUMS', 'lgm_vit/b/c.txt']
    """
    path = Path(path)
    for name in files:
        if name.startswith("/") or "\\" in name or {"", ".", ".."} & set(name.split("/")):
            raise ValueError(f"{path} must hold relative names of files, got {name!r}.")
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    content = sorted({**files, _SUMS: sums.encode()}.items())

    def write(part: Path) -> None:
        with zipfile.ZipFile(part, "w") as archive:
            for name, data in content:
                archive.writestr(_entry(f"{folder}/{name}"), data, compresslevel=6)

    return write_atomically(path, write)


def _entry(name: str) -> zipfile.ZipInfo:
    """Return the header of a file in the archive."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = _UNIX, _MODE << 16
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".pt") else zipfile.ZIP_DEFLATED
    return info
