"""An evaluation sees what its weights were trained with."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Set
from itertools import zip_longest
from pathlib import Path
from typing import Any

from monai.bundle import ReferenceResolver

from bundle.files import read_json
from bundle.workflow.command_line import CommandLine

COMPARED = frozenset({"finder", "case_to_slices", "store_dtype", "network_def", "attribution"})
"""What makes slices, logits and maps, and with it every knob that it refers to, such as `normalize` and `beta`."""
FREE = frozenset(
    {"bundle_root", "bundle_found", "bundle_path", "dataset_dir", "output_dir", "cache_dir", "device"}
    | {"finder#root", "finder#path", "dropout", "drop_path", "identical_blocks"}
)
"""Places, and what only training meets."""
OF_OTHER_DATA = frozenset({"finder", "preprocessing", "attribution", "beta"})
"""What may be another one where the results go into a folder of their own."""


class SameSettings:
    """Compares the settings of an evaluation with the record of the run, before anything is computed.

    Other preprocessing or another network map give wrong numbers without an error, so they are refused. Compared are
    finder, preprocessing, slices, network, map and every knob that these refer to, with the `config.json` in
    `output_dir` and beside the weights. Folders, device, batch size, workers, threshold, bootstrap and training's own
    settings may differ. Who is in the split is compared by `EvaluationReport`.

    In two cases something else is meant. A run that supervised no map (`localization_weight` 0) may be scored by any
    `attribution`. And where the results go into a folder of their own (`--checkpoint RUN/model.pt --output_dir OTHER`),
    finder, preprocessing and map may be those of other data or of another question; a warning names what differs.

    A knob that the record does not know is newer than the run and is not compared. Outside of `python -m monai.bundle
    run` and without a record nothing happens.

    Args:
        output_dir: where the evaluation writes.
        checkpoint: the weights.
        argv: as in `sys.argv`, which is the default.

    Raises:
        SystemExit: something differs; it names record, knob, both values and the remedy.

    Example:
        >>> SameSettings("runs/example", "runs/example/model.pt", argv=["pytest"]).problems
        []
    """

    def __init__(self, output_dir: str | Path, checkpoint: str | Path, argv: list[str] | None = None) -> None:
        own, command_line = Path(output_dir).resolve(), CommandLine.read(argv)
        records = [folder / "config.json" for folder in dict.fromkeys((own, Path(checkpoint).resolve().parent))]
        records = [record for record in records if command_line is not None and record.exists()]
        asked = json.loads(json.dumps(command_line.merged(), default=str)) if command_line and records else {}
        self.problems: list[str] = []
        for record in records:
            for change in changes(read_json(record), asked):
                self.note(record, *change, is_own=record.parent == own)
        if self.problems:
            sys.exit("\n".join([*self.problems, remedy(records)]))

    def note(self, record: Path, id_: str, then: Any, now: Any, *, is_own: bool) -> None:
        """Keep a difference as a problem, or warn of it."""
        text = f"{record}: the run was trained with {id_} {then!r}, this evaluation has {now!r}."
        if is_own or id_.split("#")[0] not in OF_OTHER_DATA:
            self.problems.append(text)
        else:
            logging.getLogger(__name__).warning(text)


def remedy(records: list[Path]) -> str:
    """Return the sentence that ends the error."""
    files = f"['{records[-1]}','configs/evaluate.json']"
    return f'Give the overlays and knobs of the training, or evaluate by the record itself: --config_file "{files}".'


def changes(trained: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield id, value of the training and value of the evaluation for all that differs and must not."""
    names = COMPARED - {"attribution"} if trained.get("localization_weight") == 0 else COMPARED
    for name in sorted(with_references(names, trained) & trained.keys() & asked.keys()):
        for id_, then, now in differences(trained[name], asked[name], name):
            is_newer = then is MISSING and not references(now) <= trained.keys()
            if id_ not in FREE and not is_newer:
                yield id_, then, now


def with_references(names: Set[str], config: Mapping[str, Any]) -> set[str]:
    """Return the names and all that they refer to, directly or through others."""
    found, new = set[str](), set(names)
    while new:
        found |= new
        new = set().union(*(references(config.get(name)) for name in new)) - found - FREE
    return found


def references(content: Any) -> set[str]:
    """Return the top-level ids that a part of a config refers to."""
    if isinstance(content, dict | list):
        return set().union(*map(references, content.values() if isinstance(content, dict) else content))
    found = ReferenceResolver.match_refs_pattern(content) if isinstance(content, str) else ()
    return {name.split(ReferenceResolver.sep)[0] for name in found}


def differences(then: Any, now: Any, id_: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield id and both values of what differs, as deep as both are the same kind of thing."""
    if isinstance(then, dict) and isinstance(now, dict) and then.get("_target_") == now.get("_target_"):
        for key in dict.fromkeys([*then, *now]):
            yield from differences(then.get(key, MISSING), now.get(key, MISSING), f"{id_}#{key}")
    elif isinstance(then, list) and isinstance(now, list):
        for number, (one, other) in enumerate(zip_longest(then, now, fillvalue=MISSING)):
            yield from differences(one, other, f"{id_}#{number}")
    elif then != now:
        yield id_, then, now


class _Missing:
    """Stands for an argument or an item that one side lacks."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()
