"""Cases that weights have seen before a run began: they must be none that the run holds out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bundle.files import read_json
from bundle.keys import START_WEIGHTS


def require_held_out(weights: str | Path, held_out: Sequence[str]) -> None:
    """Refuse weights whose training saw cases that are held out, as far as `split.json` beside them tells.

    Also looked at are the weights that their own training started or learned from, by `run.json` beside them.

    Args:
        weights: file.
        held_out: case ids.

    Raises:
        ValueError: names the file that lists a case among its training cases.

    Example:
        >>> require_held_out("no/model.pt", ["case1"])
    """
    folder = Path(weights).parent
    seen = sorted(set(read_json(folder / "split.json", {}).get("train", [])) & set(held_out))
    if seen:
        raise ValueError(
            f"{weights} must come from a training without the {len(held_out)} cases that are held out, got {len(seen)} "
            f"of them in {folder / 'split.json'}, e.g. {seen[0]}: train them with the same split, or, if these are "
            "other patients of the same names, move that file away."
        )
    require_held_out_at_start(weights, held_out)


def require_held_out_at_start(weights: str | Path, held_out: Sequence[str]) -> None:
    """Do the same for the weights that the training of `weights` started or learned from, not for these themselves.

    Args:
        weights: file beside which `run.json` may lie.
        held_out: case ids.

    Raises:
        ValueError: see `require_held_out`.

    Example:
        >>> require_held_out_at_start("no/model.pt", ["case1"])
    """
    folder = Path(weights).parent
    record = read_json(folder / "run.json", {})
    files = [Path(record[name]["file"]) for name in START_WEIGHTS if record.get(name)]
    for file in files:
        if file.resolve().parent != folder.resolve():
            require_held_out(file, held_out)
