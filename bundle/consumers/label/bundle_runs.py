"""Training and evaluation of an unpacked bundle by its own configs, on cases that are given."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.bundle import ConfigParser, ConfigWorkflow

from bundle.data import SliceDataset
from bundle.files import read_json, write_json

_PARTS = "label_parts"


class BundleRuns:
    """Runs of a bundle in a folder of their own, in this process.

    Masks of clients mark the object by any value above 0, whatever the masks of the first training held, and all masks
    supervise.

    Args:
        root: folder of the bundle.
        work: gets checkpoints, weights and records.
        device: such as `"cuda:0"`; None takes what the bundle would.

    Example:
        >>> BundleRuns("no/bundle", "work").work
        PosixPath('work')
    """

    def __init__(self, root: str | os.PathLike[str], work: str | os.PathLike[str], device: str | None = None) -> None:
        self.root, self.work, self.device = Path(root).absolute(), Path(work), device

    def dataset(self, items: Sequence[Mapping[str, Any]]) -> SliceDataset:
        """Return the slices of some cases; they are prepared and checked, and kept for the training.

        Raises:
            DataProblems: lists every case that cannot be read.
        """
        parser = ConfigParser()
        parser.read_config(self._config("train"))
        parser.update(self._overrides(self.work, {"train": items, "val": []}))
        found: SliceDataset = parser.get_parsed_content("train#dataset")
        return found

    def train(self, parts: Mapping[str, Any], follow: Callable[[Engine, Engine], object], **settings: Any) -> None:
        """Train; `work` then holds `model.pt` of the best epoch and the record of the run.

        Args:
            parts: "train" and "val" -> items.
            follow: called after each epoch with trainer and validator.
            **settings: knobs of the training.
        """
        overrides = {**self._overrides(self.work, parts), **settings}
        workflow = ConfigWorkflow(self._config("train"), logging_file=False, workflow_type="train", **overrides)
        workflow.initialize()
        trainer, validator = (
            workflow.parser.get_parsed_content(id_) for id_ in ("train#trainer", "validate#evaluator")
        )
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: follow(engine, validator))
        with _told_elsewhere("bundle.workflow.training_end"):  # it names the next command
            workflow.run()
        workflow.finalize()

    def evaluate(self, parts: Mapping[str, Any], weights: Path, output: Path, **settings: Any) -> dict[str, Any]:
        """Return the content of metrics.json: scores of weights on the validation cases, which choose the thresholds.

        Args:
            parts: "train" and "val" -> items; nobody is left for a test.
            weights: `model.pt`.
            output: folder that gets metrics.json.
            **settings: knobs of the evaluation.
        """
        alone = {
            "checkpoint": str(weights),
            "threshold": "validation",
            "evaluation#test_predictions": "@evaluation#validation_predictions",
            "run": ["$@evaluation#validator.run()"],
        }
        overrides = {**self._overrides(output, parts), **alone, **settings}
        files = [self._config("train"), self._config("evaluate")]
        workflow = ConfigWorkflow(files, logging_file=False, **overrides)
        handlers = workflow.parser["evaluation#validator#val_handlers"]
        workflow.parser["evaluation#validator#val_handlers"] = [*handlers, "@evaluation#report"]
        workflow.initialize()
        with _told_elsewhere("bundle.handlers.evaluation_report"):  # it speaks of test patients
            workflow.run()
        workflow.finalize()
        metrics: dict[str, Any] = read_json(output / "metrics.json")
        return metrics

    def _config(self, name: str) -> str:
        return str(self.root / "configs" / f"{name}.json")

    def _overrides(self, output: Path, parts: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is the same in all runs; cases stand in a file, because MONAI evaluates texts in a config."""
        file = write_json(self.work / "parts.json", parts)
        content = read_json(self._config("train"))
        own = {"supervised_cases": "all", "initial_weights": None, "pretrained": None, "resume": False}
        if content.get("num_classes") == 1:
            own |= {"mask_values": None, "ignored_mask_value": None}
        return {
            "bundle_root": str(self.root),
            "output_dir": str(output),
            "model_dir": str(self.work),
            _PARTS: {"_target_": "bundle.files.read_json", "path": str(file)},
            "train#dataset#data": f"$@{_PARTS}['train']",
            "validate#dataset#data": f"$@{_PARTS}['val']",
            **({"device": self.device} if self.device else {}),
            **{name: value for name, value in own.items() if name in content},
        }


@contextmanager
def _told_elsewhere(name: str) -> Iterator[None]:
    """Keep the lines of a logger that speak to the user of a command line out of the log of a server."""
    told = logging.getLogger(name)
    level = told.level
    told.setLevel(logging.WARNING)
    try:
        yield
    finally:
        told.setLevel(level)
