"""What follows a script's own options on its command line: overrides of all its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bundle.workflow.command_line import is_name, parse_arguments, plain_id

OF_ONE_RUN = frozenset(
    {"config_file", "args_file", "run_id", "init_id", "final_id", "output_dir", "model_dir", "bundle_root", "resume"}
)
"""What an experiment gives every run itself: with one folder or one config for all, each row would be the first one."""
OF_THE_SCRIPT = frozenset({"dataset_dir", "cache_dir"})


def command_overrides(arguments: Sequence[str]) -> dict[str, Any]:
    """Return `--id value` pairs as overrides.

    Raises:
        ValueError: a word that belongs to no option, or an id that only one run can have.

    Example:
        >>> command_overrides(["--max_epochs", "10", "--optimizer#weight_decay=0.1"])
        {'max_epochs': 10, 'optimizer#weight_decay': 0.1}
        >>> command_overrides(["--model_dir", "weights"])
        Traceback (most recent call last):
        ValueError: overrides of all runs expected other ids than model_dir: every run has its own.
    """
    before = ["", *arguments]
    for previous, word in zip(before, arguments, strict=False):
        if not is_name(word) and (not is_name(previous) or "=" in previous):
            raise ValueError(f"overrides of all runs expected --id value, got the word {word!r} after {previous!r}.")
    overrides = parse_arguments(arguments)
    if taken := sorted(OF_ONE_RUN & {plain_id(name).split("#")[0] for name in overrides}):
        raise ValueError(f"overrides of all runs expected other ids than {', '.join(taken)}: every run has its own.")
    if hyphened := sorted(OF_THE_SCRIPT & {*overrides}):
        raise ValueError(f"write --{hyphened[0]}, as this script's own option is spelled.")
    return overrides
