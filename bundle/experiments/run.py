"""Run of the bundle in a process of its own, resumable."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import filelock

from bundle.experiments.process_group import ProcessGroup, root_error
from bundle.files import bundle_root, read_json
from bundle.handlers import read_history
from bundle.workflow.command_line import parse_value

BUNDLE_ROOT = bundle_root()
"""Processes start here, where `configs/` lies, whatever folder the caller stands in."""
_ATTEMPT = "$ python "
"""A line of the log begins with it for every command that was started."""


@dataclass(frozen=True)
class BundleRun:
    """Trains, then evaluates, through `python -m monai.bundle run`; a finished run is not run again.

    Config files are relative to the bundle's root.

    Args:
        name: names the run in tables and progress, e.g. "lgmvit/fold0".
        output_dir: the run's folder; its `metrics.json` says that the run is finished.
        config_files: train.json and the overlays on it, in order.
        overrides: `--id value` pairs.
        evaluates: False for a run that only trains, as a search does; the end time in `run.json` says that it is done.

    Example:
        >>> run = BundleRun("lgmvit/0", Path("runs/lgmvit/0"), ["configs/train.json"], {"seed": 0})
        >>> run.commands()[0][1:4], run.commands()[0][-2:]
        (['-m', 'monai.bundle', 'run'], ['--resume', 'True'])
    """

    name: str
    output_dir: Path
    config_files: Sequence[str]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    evaluates: bool = True
    processes: ProcessGroup = field(default_factory=ProcessGroup, compare=False, repr=False)

    @property
    def is_finished(self) -> bool:
        """True if the run trained and, unless it only trains, was evaluated."""
        if self.evaluates:
            return (self.output_dir / "metrics.json").exists()
        return "completed" in read_json(self.output_dir / "run.json", {})

    @property
    def teacher(self) -> Path | None:
        """Folder of the run that draws its masks."""
        weights = self.overrides.get("teacher")
        return Path(weights).parent if weights else None

    @property
    def progress(self) -> float:
        """Part of the run that is done, between 0 and 1, by the epochs of its history."""
        if self.is_finished:
            return 1.0
        history = read_history(self.output_dir)
        training = 0.95 if self.evaluates else 1.0
        return training * history[-1]["epoch"] / history[-1]["max_epochs"] if history else 0.0

    @property
    def log(self) -> Path:
        """Output of all its commands."""
        return self.output_dir / "log.txt"

    def commands(self) -> list[list[str]]:
        """Return the command to train and, unless the run only trains, the one to evaluate."""
        options = {"output_dir": self.output_dir.absolute(), **self.overrides}
        pairs = [text for name, value in options.items() for text in (f"--{name}", as_argument(value))]
        run = [sys.executable, "-m", "monai.bundle", "run", "--config_file"]
        training = [*run, as_argument(list(self.config_files)), *pairs, "--resume", "True"]
        evaluation = [*run, as_argument([*self.config_files, "configs/evaluate.json"]), *pairs]
        return [training, evaluation] if self.evaluates else [training]

    def __call__(self) -> bool:
        """Run in its own processes, one thread each, printing into `log`; return whether it finished.

        Where another process runs the same run, this one waits and takes its result.
        """
        self.output_dir.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        with self.log.open("a") as log:
            self.lock(log)
            for command in self.commands() if not self.is_finished else []:
                log.write(f"{_ATTEMPT}{shlex.join(map(str, command[1:]))}\n")
                log.flush()
                options = {"cwd": BUNDLE_ROOT, "env": environment, "stdout": log, "stderr": subprocess.STDOUT}
                if self.processes.run(command, **options):
                    return False
        return self.is_finished

    def lock(self, log: IO[str]) -> None:
        """Wait until no other process holds the log, then hold it until all that have it open have closed it.

        The lock belongs to the open file, which the commands inherit as their output: a training whose parent was
        killed keeps it. Windows locks by process: there the lock ends with the parent.
        """
        while not self.processes.has_ended and not filelock.lock_descriptor(log.fileno(), blocking=False):
            time.sleep(1)

    def end(self) -> None:
        """End the process at work, from another thread; the same run continues it later."""
        self.processes.end()

    def last_words(self, lines: int = 15) -> str:
        """Return the end of the last attempt's log, after the root error; nothing without a log."""
        if not self.log.exists():
            return ""
        log = re.split(rf"^{re.escape(_ATTEMPT)}.*\n", self.log.read_text(errors="replace"), flags=re.MULTILINE)[-1]
        end, cause = "\n".join(log.splitlines()[-lines:]), root_error(log)
        return end if cause in end else f"{cause}\n...\n{end}"

    def metrics(self) -> dict[str, Any]:
        """Return the scores of the evaluation."""
        content: dict[str, Any] = read_json(self.output_dir / "metrics.json")
        return content


def as_argument(value: Any) -> str:
    """Return a value as Fire reads it back; a word that looks like a number ("1", a site's name) stays a word."""
    if isinstance(value, Path):
        value = str(value)
    return value if isinstance(value, str) and parse_value(value) == value else repr(value)


def run_inference(
    run: BundleRun,
    images: Sequence[Any],
    output_dir: Path,
    overlays: Sequence[str],
    overrides: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Run `configs/inference.json` on some volumes with the weights of a run; return the folders of the cases.

    What its evaluation fitted to the training slices (`slice_position`) is used as well.

    Args:
        run: a finished run.
        images: absolute paths of files, lists of channel files, or case dictionaries.
        output_dir: where the case folders go; those it holds already are returned too.
        overlays: those of the run's overlays that inference must know too: size and data set.
        overrides: `--id value` pairs.

    Raises:
        RuntimeError: the inference failed; the message holds what it printed.
    """
    fitted = read_json(run.output_dir / "metrics.json", {}).get("slice_position")
    options = {
        **({"slice_position": fitted} if fitted else {}),
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
