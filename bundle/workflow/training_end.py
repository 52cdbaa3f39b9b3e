"""Last lines of a training: the best epoch, where its weights are, and the command that comes next."""

from __future__ import annotations

import json
import logging
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from ignite.engine import Engine, Events
from monai.engines import Evaluator
from monai.utils import ensure_tuple
from numpy.typing import NDArray

from bundle.keys import IGNORED_LABEL, START_WEIGHTS
from bundle.workflow.command_line import CommandLine, is_name, parse_arguments

logger = logging.getLogger(__name__)


class HasLabels(Protocol):
    """A slice dataset, of which the classes are needed."""

    labels: NDArray


class TrainingEnd:
    """Warns at the start where validation can choose no epoch; at the end says what came out and what to type next.

    Args:
        output_dir: the run's folder.
        model_dir: folder of `model.pt`.
        validator: knows the best epoch.
        dataset: validation slices.
        key_metric: name of the score that chooses the epoch.
        bundle_root: folder of `configs/evaluate.json`.
        show: False on all ranks but the first.

    Example:
        >>> TrainingEnd("runs/a", "runs/a", None, None, show=False).attach(Engine(lambda engine, batch: None))
    """

    def __init__(
        self,
        output_dir: str | Path,
        model_dir: str | Path,
        validator: Evaluator,
        dataset: HasLabels,
        key_metric: str = "f1",
        bundle_root: str | Path = ".",
        show: bool = True,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.weights = Path(model_dir) / "model.pt"
        self.validator = validator
        self.dataset = dataset
        self.key_metric = key_metric
        self.bundle_root = Path(bundle_root)
        self.show = show
        self._started = 0.0

    def attach(self, engine: Engine) -> None:
        """Speak at the start and at the end of the trainer's run."""
        if self.show:
            engine.add_event_handler(Events.STARTED, self.start)
            engine.add_event_handler(Events.COMPLETED, self)

    def start(self, engine: Engine) -> None:
        """Warn where the validation slices have one class or are none."""
        self._started = time.monotonic()
        if lack := _lack_of(self.dataset.labels):
            logger.warning(
                f"Validation has {lack}: no epoch can be called the best. model.pt will hold the weights of the last, "
                "and evaluation will use the threshold 0.5. Give validation patients with and without the object "
                "(split_fractions, split_seed or split_file)."
            )

    def __call__(self, engine: Engine) -> None:
        """Write the last lines."""
        minutes = (time.monotonic() - self._started) / 60
        self._tell_best_epoch(engine)
        logger.info(f"Weights: {self.weights}")
        logger.info(
            f"Trained for {minutes:.1f} minutes. Curves: {self.output_dir / 'curves.png'}, and by "
            f"{shlex.join(['tensorboard', '--logdir', str(self.output_dir)])}"
        )
        logger.info(f"Next, score the test patients: {evaluation_command(self.bundle_root)}")

    def _tell_best_epoch(self, engine: Engine) -> None:
        best, last = self.validator.state, engine.state.epoch
        if best.best_metric_epoch < 1:
            reason = f"validation has {lack}" if (lack := _lack_of(self.dataset.labels)) else "no epoch has a key score"
            logger.warning(f"No best epoch: {reason}. The weights are those of the last epoch, {last}.")
            return
        precision = getattr(best, "best_average_precision", float("nan"))
        logger.info(
            f"Best epoch {best.best_metric_epoch} of {last}: validation {self.key_metric} {best.best_metric:.3f}, "
            f"average precision {precision:.3f}."
        )


def _lack_of(labels: NDArray) -> str:
    """Return what the slices lack for a score, in words; nothing where they have two classes."""
    known = np.unique(labels[labels != IGNORED_LABEL])
    if len(known) > 1:
        return ""
    return "no labeled slice" if not len(known) else f"only {'positive' if known[0] > 0 else 'negative'} slices"


def evaluation_command(bundle_root: str | Path = ".", argv: Sequence[str] | None = None) -> str:
    r"""Return the command that evaluates the training of this process, ready to paste.

    Args:
        bundle_root: folder of `configs/evaluate.json`, if it does not lie beside the `train.json` of this process.
        argv: as in `sys.argv`, which is the default.

    Example:
        >>> argv = ["/lib/monai/bundle/__main__.py", "run", "--args_file", "configs/args/tiny.json", "--resume", "True"]
        >>> evaluation_command(argv=argv)
        'python -m monai.bundle run --args_file configs/args/tiny.json --+config_file \'["configs/evaluate.json"]\''
    """
    argv = sys.argv if argv is None else argv
    command_line = CommandLine.read(argv)
    if command_line is None:
        return "run the same config files and settings with configs/evaluate.json as the last file"
    bases = (Path(file).parent for file in command_line.files if Path(file).name == "train.json")
    evaluate = next(bases, Path(bundle_root) / "configs") / "evaluate.json"
    given = parse_arguments(argv[2:])
    name = "+config_file" if "+config_file" in given or "config_file" not in given else "config_file"
    files = [file for file in ensure_tuple(given.get(name, ())) if Path(file).name != "multi_gpu_train.json"]
    files.append(str(evaluate))
    left_out, kept = {name, "resume", *START_WEIGHTS}, []
    is_kept = True
    for argument in argv[2:]:
        if is_name(argument):
            is_kept = argument.lstrip("-").partition("=")[0] not in left_out
        if is_kept:
            kept.append(argument)
    return shlex.join(["python", "-m", "monai.bundle", "run", *kept, f"--{name}", json.dumps(files)])
