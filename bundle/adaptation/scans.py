"""Scores of a run's network on the scans of another hospital, with the labels that there are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from monai.bundle import ConfigParser

from bundle.data import with_identities, without_label
from bundle.files import read_csv, read_json, write_csv
from bundle.keys import CASE, LABEL
from bundle.metrics import Predictions
from bundle.probabilities import SliceProbabilities
from bundle.workflow.compare import read_config_record
from bundle.workflow.knobs import CONFIGS
from bundle.workflow.provenance import require_own_scores

logger = logging.getLogger(__name__)
_COLUMNS = ["case", "slice_index", "class"]


def score_scans(
    run: str | Path,
    dataset_dir: str | Path,
    output_dir: str | Path,
    labels: str | Path | None = None,
    overlays: Sequence[str] = (),
) -> Predictions:
    """Return the slices of a folder of scans with the probabilities of a run's network, made as its evaluation did.

    A warning tells of scans that the run was trained on: there its network is surer and righter than on new ones.

    Args:
        run: folder of an evaluated run; its finder, network, preprocessing, smoothing and position are used.
        dataset_dir: the scans, laid out as the training's, with masks or without.
        output_dir: gets the slice store and, in `labels`, a CSV per case.
        labels: CSV `case,slice_index,class`, counted along the third axis of the file; all other labels are ignored.
            Without it the labels are those that lie beside the scans.
        overlays: config files with what differs here, such as a finder.

    Raises:
        FileNotFoundError: the run is not evaluated.
        ValueError: the run's scores are those of other weights, the CSV names a case that there is not or has a wrong
            line, or the scans do not fit the network.

    Example:
        >>> score_scans("no/run", "scans", "out")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        FileNotFoundError: no/run must hold metrics.json, got no such file: evaluate the run first.
    """
    metrics, output_dir = read_metrics(run), Path(output_dir)
    parser = _config(run, metrics, dataset_dir, output_dir, overlays)
    items = with_identities([case.item() for case in parser.get_parsed_content("finder").find()])
    _warn_if_trained_on(Path(run) / "split.json", [str(item[CASE]) for item in items])
    parser["evaluation"]["dataset"]["data"] = _labeled(items, labels, output_dir / "labels")
    try:
        evaluator = parser.get_parsed_content("evaluation#evaluator")
    except RuntimeError as error:  # MONAI's, around what a component refuses
        raise error.__cause__ if isinstance(error.__cause__, ValueError | OSError) else error from None
    evaluator.run()
    predictions: Predictions = parser.get_parsed_content("evaluation#test_predictions").predictions
    if predictions.probability.ndim > 1:
        raise ValueError(f"{run} must be a run with one logit a slice, got several classes: they cannot be adapted.")
    made = SliceProbabilities(metrics.get("slice_smoothing"), position=metrics.get("slice_position")).of(predictions)
    return replace(made, map_scores={}, prior_map_scores={})


def read_metrics(run: str | Path) -> dict[str, Any]:
    """Return metrics.json of a run that was evaluated as it is."""
    file = Path(run) / "metrics.json"
    if not file.is_file():
        raise FileNotFoundError(f"{run} must hold metrics.json, got no such file: evaluate the run first.")
    metrics: dict[str, Any] = read_json(file)
    if metrics.get("score_calibration"):
        raise ValueError(f"{file} must hold scores of the run as it is, got calibrated ones: evaluate it without.")
    require_own_scores(Path(run), metrics)
    return metrics


def _warn_if_trained_on(split: Path, cases: Sequence[str]) -> None:
    """Warn of scans that the list of a run's cases names as trained on; other patients may have the same names."""
    if seen := set(read_json(split, {}).get("train", ())) & set(cases):
        logger.warning(
            f"{len(seen)} of {len(cases)} scans have the names of cases that {split} calls training, e.g. "
            f"{min(seen)}: if they are the same, what is found on them does not hold for new patients; take scans that "
            "the run has not seen."
        )


def _config(
    run: str | Path, metrics: Mapping[str, Any], dataset_dir: str | Path, output_dir: Path, overlays: Sequence[str]
) -> ConfigParser:
    """Return the config of an evaluation of the run on other scans, without a report."""
    files = [str(CONFIGS / "train.json"), str(CONFIGS / "evaluate.json"), *overlays]
    parser = ConfigParser()
    parser.read_config(files[:2])
    parser.update(read_config_record(Path(run) / "config.json", parser.get()))
    for overlay in overlays:
        if not Path(overlay).is_file():
            raise FileNotFoundError(f"{overlay} must be a config file to read, got no file: correct --overlay.")
        parser.update(ConfigParser.load_config_file(overlay))
    parser.update(
        {
            "bundle_root": str(CONFIGS.parent),
            "dataset_dir": str(dataset_dir),
            "output_dir": str(output_dir),
            "model_dir": str(run),
            "cache_dir": str(output_dir / "cache"),
            "checkpoint": str(Path(run) / "model.pt"),
            "test_time_flip": metrics.get("test_time_flip", False),
            "ensemble": [member["file"] for member in metrics.get("ensemble", ())],
        }
    )
    parser["network_def"].pop("_requires_", None)  # this process runs the bundle already
    parser["evaluation"]["dataset"]["neighbor_mm"] = parser["neighbor_mm"]  # without the run's own scans
    handlers = parser["evaluation"]["evaluator"]["val_handlers"]
    parser["evaluation"]["evaluator"]["val_handlers"] = [each for each in handlers if each != "@evaluation#report"]
    return parser


def _labeled(items: list[dict[str, Any]], labels: str | Path | None, folder: Path) -> list[dict[str, Any]]:
    """Return the items with the labels of a CSV, or with those beside the scans that exist."""
    if labels is None:
        return [item if _exists(item.get(LABEL)) else without_label(item) for item in items]
    table = read_csv(labels, text=("case",))
    if list(table) != _COLUMNS:
        raise ValueError(f"{labels} must have the columns {','.join(_COLUMNS)}, got {','.join(table)}: name them so.")
    cases = [str(item[CASE]) for item in items]
    if unknown := sorted(set(table["case"]) - set(cases)):
        raise ValueError(f"{labels}: cases must be some of the scans, got {unknown[0]}: there are {cases[0]}, ....")
    rows = {str(case): part for case, part in table.groupby("case")}
    return [
        {**without_label(item), LABEL: str(_own_csv(rows[case], folder / f"{number:04d}.csv"))}
        if case in rows
        else without_label(item)
        for number, (case, item) in enumerate(zip(cases, items, strict=True))
    ]


def _own_csv(rows: pd.DataFrame, path: Path) -> Path:
    """Write the slice labels of one case."""
    return write_csv(path, rows[_COLUMNS[1:]])


def _exists(label: Any) -> bool:
    files = label if isinstance(label, list) else [label]
    return all(file is not None and Path(file).exists() for file in files)
