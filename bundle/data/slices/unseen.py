"""Requirement on the test cases of an evaluation: the networks that it scores have not seen them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from bundle.data.slices.dataset import SliceDataset
from bundle.files import read_json

logger = logging.getLogger(__name__)


def require_unseen(
    dataset: SliceDataset,
    weights: Sequence[str | Path],
    validation: SliceDataset | None = None,
    output_dir: str | Path | None = None,
    dataset_dir: str | Path | None = None,
) -> None:
    """Refuse to score networks on cases that they were trained or validated with, as far as `split.json` beside tells.

    Args:
        dataset: the slices of the test part.
        weights: files; a warning says where no `split.json` lies beside one.
        validation: slices that thresholds are chosen on; a warning says which weights were trained on some of them.
        output_dir: of the evaluation. If it holds `run.json`, the first file is of the training in it, whose split is
            compared by its hash: it needs no `split.json`.
        dataset_dir: of the evaluation. Where `config.json` beside the weights names another one, cases may have the
            names of others, as `case_001`: a warning says so in place of an error.

    Raises:
        ValueError: names file and cases.

    Example:
        >>> require_unseen(SliceDataset([], transform=sorted, cache_dir="not/made"), [])
    """
    compared = [*weights][:1] if output_dir is not None and (Path(output_dir) / "run.json").is_file() else []
    for path in map(Path, weights):
        split = read_json(path.parent / "split.json", {})
        if not split and path not in map(Path, compared):
            logger.warning(f"{path}: no split.json lies beside it; test patients may have been trained on.")
        if seen := {*split.get("train", ()), *split.get("val", ())} & set(dataset.cases):
            _refuse(path, seen, is_elsewhere=_is_elsewhere(path, dataset_dir))
        _warn_if_trained_on(path, set(split.get("train", ())), [] if validation is None else validation.cases)


def _refuse(path: Path, seen: set[str], *, is_elsewhere: bool) -> None:
    found = f"{len(seen)} that its split.json names, e.g. {min(seen)}"
    if is_elsewhere:
        logger.warning(
            f"{path}: of the test cases, {found}. Its data were in another folder: if these are the same patients, "
            "their scores do not hold for new ones."
        )
        return
    raise ValueError(
        f"{path} must be weights that have seen no test case, got {found}: score them on the test patients of their "
        "own split, an ensemble of folds on patients outside all of them, such as those of a test_site."
    )


def _is_elsewhere(path: Path, dataset_dir: str | Path | None) -> bool:
    """Return whether a training tells that its data lay in another folder than these."""
    then = read_json(path.parent / "config.json", {}).get("dataset_dir")
    return bool(then and dataset_dir) and Path(str(then)).resolve() != Path(str(dataset_dir)).resolve()


def _warn_if_trained_on(path: Path, train: set[str], validation: Sequence[str]) -> None:
    """Warn of validation cases that weights know: there they are surer and righter than on new ones."""
    if seen := train & set(validation):
        logger.warning(
            f"{path} was trained on {len(seen)} of {len(validation)} validation cases, e.g. {min(seen)}: thresholds "
            "that are chosen on them do not fit new patients; give a threshold, or hold validation cases out of all "
            "trainings."
        )
