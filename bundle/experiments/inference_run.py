"""Inference with a trained run, in its own process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bundle.experiments.bundle_run import BUNDLE_ROOT, BundleRun, as_argument


def run_inference(
    run: BundleRun,
    images: Sequence[Any],
    output_dir: Path,
    overlays: Sequence[str],
    overrides: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Run `configs/inference.json` on some volumes with the weights of a run; return the folders of the cases.

    Args:
        run: a finished run.
        images: absolute paths of files, lists of channel files, or case dictionaries.
        output_dir: where the case folders go; those it holds already are returned too.
        overlays: what the run was trained with that inference must know too: size and data set.
        overrides: `--id value` pairs.

    Raises:
        RuntimeError: the inference failed; the message holds what it printed.
    """
    options = {
        **(overrides or {}),
        "dataset_dir": list(images),
        "checkpoint": run.output_dir.absolute() / "model.pt",
        "output_dir": output_dir.absolute(),
    }
    pairs = [text for name, value in options.items() for text in (f"--{name}", as_argument(value))]
    files = as_argument(["configs/inference.json", *overlays])
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", files, *pairs]
    done = subprocess.run(command, cwd=BUNDLE_ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"inference with {run.name} failed:\n{done.stdout}\n{done.stderr}")
    return sorted(path.parent for path in output_dir.glob("[!.]*/summary.json"))
