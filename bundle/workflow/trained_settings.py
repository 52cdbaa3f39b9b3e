"""The guard of an evaluation: slices, network and map as the weights were trained with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from bundle.workflow.command_line import CommandLine
from bundle.workflow.compare import (
    Change,
    Comparison,
    as_recorded,
    read_config_record,
    references,
    with_current_names,
    with_references,
)
from bundle.workflow.knobs import ROLES, names
from bundle.workflow.program import running_config

_COMPARED = ("network", "map", "data")
_OF_OTHER_DATA = ("map", "data")
"""Roles that may differ where the results go into a folder of their own."""
_INPUT = frozenset({"image_size", "normalize", "slice_transform", "case_to_slices", "store_dtype"})
"""Entries of the role network that change what a slice looks like, and not what is computed from it."""


def require_trained_settings(
    output_dir: str | Path,
    checkpoint: str | Path,
    argv: Sequence[str] | None = None,
    ensemble: Sequence[str | Path] = (),
) -> None:
    """Compare the settings of an evaluation with the record of the run, before anything is computed.

    Other preprocessing or another attribution map give wrong numbers without an error, so they are refused. Compared
    are network, map and data (see docs/knobs.md) and every knob that these refer to, with the `config.json` in
    `output_dir` and beside the weights. Folders, machine, split, evaluation and training's own settings may differ;
    `EvaluationReport` compares the split.

    Two cases are exempt. A run that supervised no map (`localization_weight` and `segmentation_weight` 0) may be scored
    by any `attribution`. And where the results go into a folder of their own (`--checkpoint RUN/model.pt --output_dir
    OTHER`), data and map may be those of another question; a warning names what differs.

    Networks of an ensemble are compared in the same way: weights of one shape may have been trained on other channels.

    A knob that the record does not know is newer than the run and is not compared. Outside of `python -m monai.bundle
    run` and of MONAI's `ConfigWorkflow`, and without a record, nothing happens.

    Args:
        output_dir: where the evaluation writes.
        checkpoint: the weights.
        argv: as in `sys.argv`, which is the default.
        ensemble: further weights.

    Raises:
        FileNotFoundError: there are no weights yet.
        ValueError: lists all that differs, with record, knob, both values and the remedy.

    Example:
        >>> require_trained_settings("runs/example", "runs/example/model.pt", argv=["pytest"])
    """
    own, command_line = Path(output_dir).resolve(), CommandLine.read(argv)
    asked = as_recorded(command_line.merged()) if command_line else running_config()
    if not asked:
        return
    if not Path(checkpoint).exists():
        raise FileNotFoundError(
            f"{checkpoint} must be the weights of a training, got no file: train first, by the same command without "
            "configs/evaluate.json, or give --checkpoint."
        )
    records = _records(own, Path(checkpoint).resolve().parent)
    problems = [text for record in records for text in _problems(record, asked, "the run", record.parent == own)]
    problems += [_remedy(records)] if problems else []
    members = _records(*(Path(path).resolve().parent for path in ensemble))
    problems += _problems_of_ensemble(members, asked, (own / "config.json").exists())
    if problems:
        raise ValueError("\n".join(problems))


SameSettings = require_trained_settings  # name in configs of version 0.1


def _records(*folders: Path) -> list[Path]:
    """Return the records of runs that there are in some folders, each once."""
    records = [folder / "config.json" for folder in dict.fromkeys(folders)]
    return [record for record in records if record.exists()]


def _problems(record: Path, asked: Mapping[str, Any], what: str, is_strict: bool) -> Iterator[str]:
    """Yield a sentence for all that differs from a record; if not strict, map and data are only warned of."""
    may_differ = frozenset() if is_strict else names(*_OF_OTHER_DATA)
    for change in _changes(read_config_record(record, asked), asked):
        text = f"{record}: {what} was trained with {change.id} {change.then!r}, this evaluation has {change.now!r}."
        if change.id.split("#")[0] in may_differ:
            logging.getLogger(__name__).warning(text)
        else:
            yield text


def _problems_of_ensemble(records: Sequence[Path], asked: Mapping[str, Any], is_strict: bool) -> list[str]:
    """Return the sentences on all networks of an ensemble, and the remedy."""
    what = "a network of the ensemble"
    problems = [text for record in records for text in _problems(record, asked, what, is_strict)]
    return [*problems, "Take networks whose trainings differ in split and seed alone."] if problems else []


def _changes(trained: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what must not differ and does."""
    weights = [trained.get(name) for name in ("localization_weight", "segmentation_weight")]
    compared = [role for role in _COMPARED if role != "map" or weights not in ([0, 0], [0, None])]
    ignored = names(*(role for role in ROLES if role not in compared))
    yield from Comparison(trained, asked).changes(names(*compared), ignored)


def _remedy(records: Sequence[Path]) -> str:
    """Return the sentence that ends the error."""
    files = f"['{records[-1]}','configs/evaluate.json']"
    return f'Give the overlays and knobs of the training, or evaluate by the record itself: --config_file "{files}".'


def require_same_network(weights: str | Path, asked: Mapping[str, Any]) -> None:
    """Compare the network of a training with that of the weights it shall start from, by what lies beside these.

    Another number of heads or another fixed code of positions leaves no trace in weights: they would load, and the
    network would compute something else. Other sizes of the image and other intensities are told by a warning.

    Args:
        weights: file beside which `config.json` of its run may lie, or the overlay of a converted checkpoint.
        asked: merged config of the training.

    Raises:
        ValueError: lists what differs.

    Example:
        >>> require_same_network("no/model.pt", {"num_heads": 4})
    """
    files = (Path(weights).with_name("config.json"), Path(weights).with_suffix(".yaml"))
    record = next((file for file in files if file.is_file()), None)
    if record is None:
        return
    asked = as_recorded(asked)
    then = with_current_names(ConfigParser.load_config_file(record), asked)
    ignored = names(*(role for role in ROLES if role != "network"))
    changes = list(Comparison(then, asked).changes(names("network"), ignored))
    told = {change.id: f"{change.id} {change.then!r}, here {change.now!r}" for change in changes}
    if problems := [text for id_, text in told.items() if id_.split("#")[0] not in _INPUT]:
        raise ValueError(
            f"{record}: initial_weights must be those of this network, got others ({', '.join(problems)}): give the "
            "overlays and knobs of their training."
        )
    for text in told.values():
        logging.getLogger(__name__).warning(f"{record}: initial_weights come from slices of another form: {text}.")


def trained_for_inference(trained: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return what inference takes from a training: network, preprocessing, map, and all that these refer to.

    Args:
        trained: merged config of the training, with the names of today.
        defaults: inference.json.

    Example:
        >>> trained = {"network_def": {"width": "@width", "deep": "@deep"}, "width": 32, "deep": True, "device": "cuda"}
        >>> trained_for_inference(trained, {"network_def": {}, "width": 768, "device": "cpu"})
        {'network_def': {'width': '@width', 'deep': '@deep'}, 'width': 32, 'deep': True}
    """
    # inference finds unlabeled cases with a finder of its own, and calls no check
    own = names("source", "place", "machine", "run", "evaluation") | {"finder", "check"}
    shared = {name: trained[name] for name in defaults if name in trained and name not in own}
    needed = with_references(references(shared), trained, ignored=defaults) & trained.keys()
    return {**shared, **{name: trained[name] for name in sorted(needed)}}
