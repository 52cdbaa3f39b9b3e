"""What an evaluation leaves behind: metrics.json and predictions.csv."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from ignite.engine import Engine, Events

from bundle.evaluation import evaluate_predictions, write_predictions
from bundle.files import read_json, write_json
from bundle.handlers.collect_predictions import CollectPredictions
from bundle.metrics import IOU_THRESHOLDS, Predictions, position_baseline

logger = logging.getLogger(__name__)


class SliceIndexLike(Protocol):
    """A slice dataset, as far as the position baseline and the record of the split need it."""

    cases: list[str]
    labels: np.ndarray
    relative_position: np.ndarray


class EvaluationReport:
    """When the test epoch is complete, scores it and writes `split.json`, `predictions.csv`, then `metrics.json`.

    `metrics.json` comes last and by rename, so its presence says that the evaluation is complete. Thresholds come from
    validation predictions, the position baseline from the training slices; the test set is only scored.

    Args:
        output_dir: folder of the run.
        test: collected by the evaluator that this handler is attached to.
        validation: collected before; without any the threshold is 0.5, and `threshold_from` says "default".
        train_dataset: labels and relative positions of the training slices.
        threshold: "validation" or a number fixed before.
        n_resamples: resamples of the patients for the intervals.
        seed: of the resampling.
        split_hash: who was trained on; must be that of the run in `output_dir`, if it is recorded there.

    Raises:
        ValueError: the run in `output_dir` was trained on another split.

    Example:
        >>> EvaluationReport("runs/example", None, None, None).attach(Engine(lambda engine, batch: None))
    """

    def __init__(
        self,
        output_dir: str | Path,
        test: CollectPredictions,
        validation: CollectPredictions,
        train_dataset: SliceIndexLike,
        threshold: float | str = "validation",
        n_resamples: int = 1000,
        seed: int = 0,
        split_hash: str = "",
    ) -> None:
        self.output_dir = Path(output_dir)
        self.test = test
        self.validation = validation
        self.train_dataset = train_dataset
        self.threshold = threshold
        self.n_resamples = n_resamples
        self.seed = seed
        self.split_hash = split_hash

    def attach(self, engine: Engine) -> None:
        """Refuse another split before the epoch, report after it."""
        engine.add_event_handler(Events.STARTED, self.check_split)
        engine.add_event_handler(Events.COMPLETED, self)

    def check_split(self, engine: Engine) -> None:
        """Compare the split with the run record."""
        record = self.output_dir / "run.json"
        trained = read_json(record, {}).get("split_hash", "")
        if trained and self.split_hash and trained != self.split_hash:
            raise ValueError(
                f"{record} says the run was trained on split {trained[:12]}, but this evaluation has "
                f"{self.split_hash[:12]}: test patients may have been trained on. Use the run's split settings."
            )

    def finish(self) -> None:
        """Fail where nothing was scored: MONAI skips an empty test set in silence.

        Raises:
            ValueError: there is no test slice.
        """
        if self.test.predictions is None:
            raise ValueError(
                "evaluation expected slices in the test split, got none: set split_fractions, test_site, fold or "
                "split_file so that somebody is tested."
            )

    def __call__(self, engine: Engine) -> None:
        """Score and write."""
        self.finish()
        test = cast("Predictions", self.test.predictions)
        content = evaluate_predictions(
            test,
            self.validation.predictions,
            train_position=self.train_dataset.relative_position,
            train_label=self.train_dataset.labels,
            threshold=self.threshold,
            n_resamples=self.n_resamples,
            seed=self.seed,
            split_hash=self.split_hash,
        )
        write_json(self.output_dir / "split.json", self.split(test))
        write_predictions(self.output_dir / "predictions.csv", self.complete(test, content))
        write_json(self.output_dir / "metrics.json", content)
        shown = ", ".join(f"{name} {content['slice'][name]:.3f}" for name in ("f1", "auroc", "average_precision"))
        logger.info(f"{content['n']['slices']} slices of {content['n']['patients']} patients: {shown}")
        logger.info(f"Scores with intervals are in {self.output_dir / 'metrics.json'}.")

    def split(self, test: Predictions) -> dict[str, list[str]]:
        """Return part -> case ids, in the form that the knob `split_file` reads."""
        chosen = [] if self.validation.predictions is None else self.validation.predictions.case.tolist()
        parts = {"train": self.train_dataset.cases, "val": chosen, "test": test.case.tolist()}
        return {part: sorted(set(cases)) for part, cases in parts.items()}

    def complete(self, test: Predictions, content: dict[str, Any]) -> Predictions:
        """Return the predictions with what pooling runs needs: the position baseline, and IoUs at the fixed cuts."""
        alone = position_baseline(self.train_dataset.relative_position, self.train_dataset.labels, test.position)
        cuts = (content["map"], content["baselines"].get("centre_prior", {}).get("map", {}))
        index, prior_index = (IOU_THRESHOLDS.index(one.get("iou_threshold", IOU_THRESHOLDS[0])) for one in cuts)
        return replace(test, position_only=alone).with_iou_at(index, prior_index)
