"""The table of commands of `lgm-vit`: a new script gets a line here, and its help from its own docstring."""

from __future__ import annotations

import ast
from pathlib import Path

from bundle.files import bundle_root

RUNS = {
    "train": "Train a classifier; `--args_file tiny` or `base16` is another recipe than the recommended one.",
    "evaluate": "Score the test patients of a run; give the same options as in its training.",
    "infer": "Read volumes with a packed bundle, `--bundle_root FOLDER`; writes a map, slices and findings per case.",
    "pretrain": "Let the tiny network learn slices without labels, for `train --args_file tiny --initial_weights`.",
}
"""Runs of MONAI: `--name value` is a knob, as in `python -m monai.bundle run`."""
SCRIPTS = {
    "check": "check_data.py",
    "knobs": "knobs.py",
    "compare": "compare.py",
    "findings": "score_findings.py",
    "compare-findings": "compare_findings.py",
    "adapt": "adapt.py",
    "pack": "pack_bundle.py",
    "gate": "gate.py",
    "prepare": "prepare_study.py",
    "read": "read_study.py",
    "label-server": "label_server.py",
    "label-model": "label_model.py",
    "deploy": "deploy_app.py",
    "federate": "federate.py",
    "split-sites": "split_sites.py",
    "convert": "convert_reference_checkpoint.py",
    "demo": "run_demo.py",
    "phantoms": "make_phantoms.py",
    "experiments": "run_experiments.py",
    "search": "search.py",
    "simulate-labeling": "simulate_labeling.py",
    "tables": "make_tables.py",
    "records": "tabulate_records.py",
}
"""Command -> file in scripts/."""
IN_A_CHECKOUT = {
    "benchmark.py": "measures a checkout against others",
    "gpu_check.py": "runs the tests of a checkout",
    "measure_house.py": "measures the code of a checkout",
}
"""Scripts without a command, with the reason."""


def script(command: str) -> Path:
    """Return the file of a command.

    Example:
        >>> script("pack").name
        'pack_bundle.py'
    """
    return bundle_root() / "scripts" / SCRIPTS[command]


def help_line(command: str) -> str:
    """Return what a command does, in a line.

    Example:
        >>> help_line("check")
        'Check a data set: one table, every problem with its remedy, and a contact sheet.'
    """
    if command in RUNS:
        return RUNS[command]
    text = ast.get_docstring(ast.parse(script(command).read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def overview() -> str:
    """Return every command with its line.

    Example:
        >>> print(overview().splitlines()[0])
        usage: lgm-vit COMMAND [OPTIONS]
    """
    commands = [*RUNS, *SCRIPTS]
    width = max(map(len, commands)) + 2
    lines = [f"  {command:{width}}{help_line(command)}" for command in commands]
    return "\n".join(
        [
            "usage: lgm-vit COMMAND [OPTIONS]",
            "",
            "Classify every slice of a 3D scan, and learn where to look. `lgm-vit COMMAND --help` tells the options.",
            "",
            *lines,
            "",
            "  --root     Print the folder of the configs, for python -m monai.bundle run",
            "  --version  Print the version",
        ]
    )
