"""The model card: the repository's docs/README.md with a section on the run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bundle.packing.trained_run import TrainedRun

START, END = "<!-- run: filled by scripts/pack_bundle.py -->", "<!-- end of run -->"
SETTINGS = (
    *("image_size", "patch_size", "in_channels", "num_classes", "hidden_size", "num_layers", "num_heads", "normalize"),
    *(
        "max_epochs",
        "batch_size",
        "batch_order",
        "learning_rate",
        "weight_decay",
        "localization_weight",
        "beta",
        "seed",
    ),
    *("supervised_cases", "key_metric"),
)
SPLIT = ("split_fractions", "split_seed", "num_folds", "fold", "test_site")
SCORES = {
    "f1": "F1",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "cohen_kappa": "Cohen's kappa",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
MAP_SCORES = {
    "pointing_game": "map's maximum is in the mask",
    "energy_in_mask": "map's energy in the mask",
    "energy_ratio": "the same, over that of an even map",
    "iou": "IoU, best threshold",
}


def model_card(template: str, run: TrainedRun, threshold: float, volume_threshold: float | None = None) -> str:
    """Return the card with data, settings and scores of a run between its two marks.

    Names of cases and patients, and paths, stay out.

    Args:
        template: the repository's card.
        run: what is packed.
        threshold: probability from which a slice counts as positive.
        volume_threshold: the same for the highest probability of a volume's slices; None takes `threshold`.

    Raises:
        ValueError: the template lacks the marks.

    Example:
        >>> card = model_card(f"# Card {START} No weights. {END}", TrainedRun(Path("r"), {"seed": 3}), 0.5)
        >>> "No weights" in card, "| seed | 3 |" in card
        (False, True)
    """
    head, mark, rest = template.partition(START)
    _, end, tail = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"docs/README.md expected the lines {START} and {END}, got no such place: put them back.")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    section = environment.get_template("run_section.md.j2").render(
        data=data_facts(run.config, run.record),
        settings=facts(run.config, SETTINGS),
        record=run.record,
        metrics=run.metrics,
        threshold=threshold,
        volume_threshold=threshold if volume_threshold is None else volume_threshold,
        scores=score_rows(run.metrics, "slice", SCORES, baseline="position"),
        map_scores=score_rows(run.metrics, "map", MAP_SCORES, baseline="centre_prior"),
    )
    return f"{head}{START}\n{section.strip()}\n{END}{tail}"


def data_facts(config: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the configs say of the data: overlays, finder, channels, split."""
    finder = config.get("finder")
    finder = finder if isinstance(finder, dict) else {}
    overlays = re.findall(r"configs/([\w/]+\.yaml)", " ".join(map(str, record.get("command", ()))))
    split = {"from a list of cases": True} if config.get("split_file") else facts(config, SPLIT)
    known = {
        "overlays": ", ".join(overlays),
        "finder": str(finder.get("_target_", "")).rpartition(".")[2],
        "channels": ", ".join(map(str, finder.get("channels", ()))),
        "split": ", ".join(f"{name}: {value}" for name, value in split.items()),
        "hash of the split": str(record.get("split_hash", ""))[:12],
    }
    return {name: value for name, value in known.items() if value}


def facts(config: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the knobs that are set; a list of cases is counted, not shown."""
    found = {name: config[name] for name in names if config.get(name) is not None}
    if isinstance(found.get("supervised_cases"), list):
        found["supervised_cases"] = f"{len(found['supervised_cases'])} chosen cases"
    return found


def score_rows(
    metrics: Mapping[str, Any], group: str, names: Mapping[str, str], baseline: str
) -> list[tuple[str, str, str]]:
    """Return name, score with interval, and the same of the baseline, for the scores that were computed."""
    scores, intervals = metrics.get(group, {}), metrics.get("intervals", {}).get(group, {})
    other = metrics.get("baselines", {}).get(baseline, {})
    return [
        (title, text(scores, intervals, name), text(other.get(group, {}), other.get("intervals", {}), name))
        for name, title in names.items()
        if name in scores
    ]


def text(scores: Mapping[str, Any], intervals: Mapping[str, Any], name: str) -> str:
    """Return "0.800 [0.700, 0.900]", or n/a where a score has no value."""
    value, interval = scores.get(name), intervals.get(name) or {}
    if value is None:
        return "n/a"
    known = interval.get("low") is not None
    return f"{value:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]" if known else f"{value:.3f}"
