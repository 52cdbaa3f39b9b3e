"""Page of the demo: scores, baselines, pictures and settings."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bundle.experiments.run import BundleRun
from bundle.reports import HtmlReport, PictureRow, ScoreRow, draw_overlay, seed_comparison_sentence
from bundle.volumes import to_display_orientation

_SCORES = {
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "AP",
    "sensitivity_at_90_specificity": "sensitivity at 90% specificity",
    "patients_missed_share": "patients missed",
    "patients_missed_share_at_90_specificity": "missed at 90% specificity",
    "map_pointing_game": "map hits lesion",
    "map_energy_ratio": "map energy ratio",
}
_NAMES = {"baseline": "plain ViT", "lgmvit": "LGM-ViT", "recommended": "recommended recipe"}


def demo_report(
    rows: Mapping[str, Sequence[BundleRun]], inference: Mapping[str, Path], case: Mapping[str, Any]
) -> HtmlReport:
    """Return the page of a finished demo.

    Args:
        rows: name of a row -> its runs, one a seed; "baseline" first, the row that the page is about last.
        inference: the same -> the folder that inference wrote for the one case.
        case: {"case", "image" (the channel that is shown), "label" (mask)}, paths of NIfTI files on one grid.

    Returns:
        The report; its verdict is computed from the scores.
    """
    metrics = {row: [run.metrics() for run in runs] for row, runs in rows.items()}
    scores = {row: _collect(contents) for row, contents in metrics.items()}
    subject = list(rows)[-1]
    first = metrics[subject][0]
    sentence = seed_comparison_sentence(scores["baseline"]["f1"], scores[subject]["f1"], method_name=_subject(subject))
    return HtmlReport(
        title="LGM-ViT demo: phantoms from four sites",
        verdict=f"{sentence[0].upper()}{sentence[1:]} {_beside_position(scores, first)}",
        score_names=_SCORES,
        rows=[*(ScoreRow(_NAMES[row], values) for row, values in scores.items()), *_baseline_rows(metrics[subject])],
        introduction=(
            "A slice classifier must say for every slice of an MR volume whether it shows a lesion. At the three "
            "training sites a burned-in marker goes with the label, so a network can cheat; at the test site it means "
            "nothing. The plain Vision Transformer learns from labels alone; the other is also told where lesions are."
        ),
        notes=_notes(first, seeds=len(metrics[subject])),
        picture_columns=["slice and lesion", *(_NAMES[row] for row in inference)],
        pictures=_pictures(inference, case, {row: contents[0].get("map_scale") for row, contents in metrics.items()}),
        settings=_settings(rows),
        how_made=[" ".join(command[2:]) for command in rows[subject][0].commands()],
    )


def _subject(row: str) -> str:
    """Return the name as the subject of a sentence."""
    return f"the {_NAMES[row]}" if _NAMES[row][0].islower() else _NAMES[row]


def _collect(metrics: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return name -> one value a run, of slice and map scores."""
    group = {name: "map" if name.startswith("map_") else "slice" for name in _SCORES}
    return {
        name: [_as_number(content[group[name]].get(name.removeprefix("map_"))) for content in metrics]
        for name in _SCORES
    }


def _beside_position(scores: Mapping[str, Mapping[str, Sequence[float]]], metrics: Mapping[str, Any]) -> str:
    """Return F1 of slice position alone, and whether the networks' means are above it, in a sentence."""
    position = _as_number(metrics["baselines"]["position"]["slice"]["f1"])
    below = [_subject(row) for row, found in scores.items() if not ScoreRow(row, found).mean("f1") > position]
    end = f"{' and '.join(below)} {'is' if len(below) == 1 else 'are'} no better" if below else "all are above it"
    return f"Slice position alone, without a look at the image, has F1 {position:.3f}: {end}."


def _as_number(value: float | None) -> float:
    """Return the score, NaN where JSON has null."""
    return float("nan") if value is None else float(value)


def _baseline_rows(metrics: Sequence[Mapping[str, Any]]) -> list[ScoreRow]:
    """Return the network-free baselines: the position of a slice, and a map that points to the center."""
    baselines = metrics[0]["baselines"]
    position = {name: [_as_number(value)] for name, value in baselines["position"]["slice"].items() if name in _SCORES}
    prior = {f"map_{name}": [_as_number(value)] for name, value in baselines["centre_prior"]["map"].items()}
    return [
        ScoreRow("slice position alone", position, note="logistic regression", is_baseline=True),
        ScoreRow("map of the center", prior, note="looks at nothing", is_baseline=True),
    ]


def _notes(metrics: Mapping[str, Any], *, seeds: int) -> list[str]:
    """Return the notes on data, spread and phantoms."""
    n = metrics["n"]
    return [
        f"Test: {n['slices']} slices ({n['positives']} with a lesion) of {n['patients']} patients of a site that "
        "neither training nor validation saw. Nothing was tuned on it; thresholds come from validation patients.",
        f"± is the standard deviation over {seeds} seeds: training again, same patients. It says nothing of other "
        "patients; each run's metrics.json has intervals from resampling patients.",
        "Patients missed is the share of patients with a lesion in none of whose slices it is found; less is better. "
        "At a specificity of 90% all methods raise as many false alarms.",
        "Phantoms are drawn, not scanned: they show that the machinery works, not how the method does in a clinic.",
    ]


def _settings(rows: Mapping[str, Sequence[BundleRun]]) -> dict[str, Any]:
    """Return the overlays and overrides of the first run of each row."""
    overlays = {f"overlays of {_NAMES[row]}": ", ".join(runs[0].config_files) for row, runs in rows.items()}
    return {**overlays, **next(iter(rows.values()))[0].overrides}


def _pictures(
    inference: Mapping[str, Path], case: Mapping[str, Any], scale: Mapping[str, Any], num_slices: int = 5
) -> list[PictureRow]:
    """Return slices of the case, spread evenly over those with a lesion, each with the map of every method."""
    image, mask = to_display_orientation(case["image"]), to_display_orientation(case["label"]) > 0
    maps = {row: to_display_orientation(folder / "attribution.nii.gz") for row, folder in inference.items()}
    probability = {row: _probabilities(folder / "slices.csv") for row, folder in inference.items()}
    positive = np.flatnonzero(mask.any(axis=(0, 1)))
    chosen = positive[np.unique(np.linspace(0, len(positive) - 1, num_slices).round().astype(int))]
    return [
        PictureRow(
            f"{case['case']}, slice {k}: " + ", ".join(f"{_NAMES[row]} says {probability[row][k]:.2f}" for row in maps),
            [
                draw_overlay(image[..., k], np.zeros_like(image[..., k]), mask[..., k]),
                *(
                    draw_overlay(image[..., k], volume[..., k], mask[..., k], scale=scale.get(row))
                    for row, volume in maps.items()
                ),
            ],
        )
        for k in chosen
    ]


def _probabilities(path: Path) -> dict[int, float]:
    """Return slice -> probability of a slices.csv."""
    with path.open(newline="", encoding="utf-8") as file:
        return {int(row["slice"]): float(row["probability"]) for row in csv.DictReader(file)}


def most_positive_case(predictions: str | Path) -> str:
    """Return the case with the most positive slices of a predictions.csv, the first by name of several."""
    with Path(predictions).open(newline="", encoding="utf-8") as file:
        positive = [row["case"] for row in csv.DictReader(file) if row["label"] == "1"]
    return max(sorted(set(positive)), key=positive.count)
