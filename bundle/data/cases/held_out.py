"""Cases that weights have seen before a run began: they must be none that the run holds out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from bundle.files import read_json
from bundle.keys import START_WEIGHTS

logger = logging.getLogger(__name__)


def require_held_out(weights: str | Path, held_out: Sequence[str], is_foreign: bool = False) -> None:
    """Refuse weights whose training saw cases that are held out, as far as `split.json` beside them tells.

    Also looked at are the weights that their own training started or learned from, by `run.json` beside them.

    Args:
        weights: file; a warning says where no `split.json` lies beside it.
        held_out: case ids.
        is_foreign: whether the weights come from no run of this bundle, so that none is expected.

    Raises:
        ValueError: names the file that lists a case among its training cases.

    Example:
        >>> require_held_out("no/vit.pth", ["case1"], is_foreign=True)
    """
    folder = Path(weights).parent
    split = read_json(folder / "split.json", {})
    if not split and not is_foreign:
        logger.warning(f"{weights}: no split.json lies beside it; cases that are held out may have been trained on.")
    seen = sorted(set(split.get("train", [])) & set(held_out))
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
    files = {name: Path(record[name]["file"]) for name in START_WEIGHTS if record.get(name)}
    for name, file in files.items():
        if file.resolve().parent != folder.resolve():
            require_held_out(file, held_out, is_foreign=name == "pretrained")
