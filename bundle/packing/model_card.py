"""The model card: the repository's docs/README.md with a section on the run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bundle.keys import START_WEIGHTS
from bundle.packing.trained_run import TrainedRun
from bundle.workflow.compare import with_current_names
from bundle.workflow.knobs import is_plain, knobs, names

START, END = "<!-- run: filled by scripts/pack_bundle.py -->", "<!-- end of run -->"
_INPUT_SHAPE = re.compile(r'--input_shape "\[[\d, ]+\]"')
_SCORES = {
    "f1": "F1",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "cohen_kappa": "Cohen's kappa",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "sensitivity_at_90_specificity": "sensitivity at a specificity of 90%",
    "patients_missed_share": "share of positive patients without a positive slice",
    "patients_missed_share_at_90_specificity": "the same at a specificity of 90%",
}
_MAP_SCORES = {
    "pointing_game": "map's maximum is in the mask",
    "energy_in_mask": "map's energy in the mask",
    "energy_ratio": "the same, over that of an even map",
    "iou": "IoU, best threshold",
}


def model_card(
    template: str,
    run: TrainedRun,
    threshold: float,
    volume_threshold: float | None = None,
    input_shape: Sequence[int] | None = None,
    adaptation: Mapping[str, Any] | None = None,
) -> str:
    """Return the card with data, settings and scores of a run between its two marks.

    Names of cases and patients, and paths, stay out.

    Args:
        template: the repository's card.
        run: what is packed.
        threshold: probability from which a slice counts as positive.
        volume_threshold: the same for the highest probability of a volume's slices; None takes `threshold`.
        input_shape: (B, C, S, S) of a batch for the network, for the command that exports it; None leaves it as it is.
        adaptation: of its scores to another hospital, as metadata.json has it.

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
        raise ValueError(f"docs/README.md must hold the lines {START} and {END}, got no such lines: put them back.")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    config = with_current_names(run.config, knobs())
    section = environment.get_template("run_section.md.j2").render(
        data=_data_facts(config, run.record),
        settings=_facts(config, "network", "map", "training"),
        record=run.record,
        metrics=run.metrics,
        threshold=threshold,
        volume_threshold=threshold if volume_threshold is None else volume_threshold,
        adaptation=adaptation,
        scores=_score_rows(run.metrics, "slice", _SCORES, baseline="position"),
        map_scores=_score_rows(run.metrics, "map", _MAP_SCORES, baseline="centre_prior"),
    )
    if input_shape is not None:
        tail = _INPUT_SHAPE.sub(f'--input_shape "{list(input_shape)}"', tail)
    return f"{head}{START}\n{section.strip()}\n{END}{tail}"


def _data_facts(config: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts on the data: overlays, finder, channels, split."""
    finder = config.get("finder")
    finder = finder if isinstance(finder, dict) else {}
    overlays = re.findall(r"configs/([\w/]+\.yaml)", " ".join(map(str, record.get("command", ()))))
    split = {"from a list of cases": True} if config.get("split_file") else _facts(config, "split")
    known = {
        "overlays": ", ".join(overlays),
        "finder": str(finder.get("_target_", "")).rpartition(".")[2],
        "channels": ", ".join(map(str, finder.get("channels", ()))),
        "split": ", ".join(f"{name}: {value}" for name, value in split.items()),
        "hash of the split": str(record.get("split_hash", ""))[:12],
    }
    return {name: value for name, value in known.items() if value}


def _facts(config: Mapping[str, Any], *roles: str) -> dict[str, Any]:
    """Return the knobs of some roles that are set to a value; cases are counted, of a file the name is shown."""
    wanted = names(*roles)
    set_knobs = {name: config[name] for name in knobs() if name in wanted and config.get(name) is not None}
    values = {name: value for name, value in set_knobs.items() if is_plain(value) or _is_plain_list(value)}
    if isinstance(values.get("supervised_cases"), list):
        values["supervised_cases"] = f"{len(values['supervised_cases'])} chosen cases"
    for name in values.keys() & START_WEIGHTS:
        values[name] = Path(values[name]).name
    return values


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_plain, value))


def _score_rows(
    metrics: Mapping[str, Any], group: str, titles: Mapping[str, str], baseline: str
) -> list[tuple[str, str, str]]:
    """Return name, score with interval, and the same of the baseline, for the scores that were computed."""
    reference = metrics.get("baselines", {}).get(baseline, {})
    scores, intervals = metrics.get(group, {}), metrics.get("intervals", {}).get(group, {})
    of_baseline, intervals_of_baseline = reference.get(group, {}), reference.get("intervals", {})
    return [
        (
            title,
            _score_with_interval(scores, intervals, name),
            _score_with_interval(of_baseline, intervals_of_baseline, name),
        )
        for name, title in titles.items()
        if name in scores
    ]


def _score_with_interval(scores: Mapping[str, Any], intervals: Mapping[str, Any], name: str) -> str:
    """Return "0.800 [0.700, 0.900]", or n/a where a score has no value."""
    value, interval = scores.get(name), intervals.get(name) or {}
    if value is None:
        return "n/a"
    known = interval.get("low") is not None
    return f"{value:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]" if known else f"{value:.3f}"
