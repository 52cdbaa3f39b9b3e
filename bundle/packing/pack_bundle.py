"""From a run's folder to the archive."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path

from bundle.packing.checks import require_fit, require_no_machine_paths
from bundle.packing.configs import packed_inference, packed_metadata, packed_train
from bundle.packing.model_card import model_card
from bundle.packing.trained_run import TrainedRun

FOLDERS = ("bundle", "configs", "docs", "scripts")
LICENSE = "LICENSE"


def bundle_files(root: Path) -> dict[str, bytes]:
    """Return name below `root` -> content, without caches and hidden files.

    Args:
        root: folder of the repository, or of an unpacked bundle.

    Raises:
        ValueError: a part is missing.

    Example:
        >>> files = bundle_files(Path(__file__).parents[2])
        >>> "configs/train.json" in files, any("__pycache__" in name for name in files)
        (True, False)
    """
    missing = [name for name in (*FOLDERS, LICENSE) if not (root / name).exists()]
    if missing:
        raise ValueError(f"{root} expected to hold {', '.join((*FOLDERS, LICENSE))}, got no {', '.join(missing)}.")
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file()]
    names = [path.relative_to(root) for path in [*found, root / LICENSE]]
    return {name.as_posix(): (root / name).read_bytes() for name in names if not is_left_out(name)}


def is_left_out(name: Path) -> bool:
    """Return whether a file is hidden or a cache, or lies in a folder that is."""
    return any(part.startswith(".") or part == "__pycache__" for part in name.parts)


SUMS = "SHA256SUMS"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that zip knows
UNIX, MODE = 3, 0o100644  # a regular file that everyone may read


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
            raise ValueError(f"{path} expected relative names of files, got {name!r}.")
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex[:8]}.part-{path.name}")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name, content in sorted({**files, SUMS: sums.encode()}.items()):
                archive.writestr(entry(f"{folder}/{name}"), content, compresslevel=6)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def entry(name: str) -> zipfile.ZipInfo:
    """Return what the archive says of a file besides its content."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = UNIX, MODE << 16
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".pt") else zipfile.ZIP_DEFLATED
    return info


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
