"""Files of a finished evaluation: split.json, both files of predictions, and metrics.json."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ignite.engine import Engine, Events

from bundle.evaluation import evaluate_predictions, write_predictions
from bundle.files import read_json, write_json
from bundle.handlers.collect_predictions import CollectPredictions
from bundle.inferers import EvidenceInferer
from bundle.metrics import BEST_F1, IOU_THRESHOLDS, F1Threshold, Predictions, position_baseline
from bundle.probabilities import SliceProbabilities
from bundle.reports import evaluation_summary

logger = logging.getLogger(__name__)


class TrainSlices(Protocol):
    """A slice dataset, of which the position baseline and the record of the split are made."""

    cases: list[str]
    labels: np.ndarray
    relative_position: np.ndarray


class EvaluationReport:
    """When the test epoch is complete, scores it and writes `split.json`, `predictions.csv`, then `metrics.json`.

    Beside `predictions.csv` lies `validation_predictions.csv`: the scores that another hospital's are aligned with.

    `metrics.json` comes last and by rename, so its presence says that the evaluation is complete. Thresholds come from
    validation predictions, the position baseline from the training slices; the test set is only scored.

    Args:
        output_dir: folder of the run.
        test: collected by the evaluator that this handler is attached to.
        validation: collected before; without any the threshold is 0.5, and `threshold_from` says "default".
        train_dataset: labels and relative positions of the training slices.
        threshold: "validation" or a number fixed before.
        threshold_rule: finds it on validation slices.
        n_resamples: resamples of the patients for the intervals.
        seed: of the resampling.
        split_hash: of the data split; must be that of the run in `output_dir`, if it is recorded there.
        checkpoint: weights that are scored; metrics.json keeps their SHA-256, for packing.
        probabilities: makes them from the logits; its smoothing may be chosen on validation slices, its position is
            fitted to the training slices.
        inferer: made the predictions; metrics.json keeps what it says of itself.
        input_profile: gives what is usual in the training scans; metrics.json keeps it, for packing.

    Raises:
        ValueError: the run in `output_dir` was trained on another split; there is no test slice.

    Example:
        >>> EvaluationReport("runs/example", None, None, None).attach(Engine(lambda engine, batch: None))
    """

    def __init__(
        self,
        output_dir: str | Path,
        test: CollectPredictions,
        validation: CollectPredictions,
        train_dataset: TrainSlices,
        threshold: float | str = "validation",
        threshold_rule: F1Threshold = BEST_F1,
        n_resamples: int = 1000,
        seed: int = 0,
        split_hash: str = "",
        checkpoint: str | Path | None = None,
        probabilities: SliceProbabilities | None = None,
        inferer: EvidenceInferer | None = None,
        input_profile: Callable[[], Mapping[str, Any] | None] | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.test = test
        self.validation = validation
        self.train_dataset = train_dataset
        self.threshold = threshold
        self.threshold_rule = threshold_rule
        self.n_resamples = n_resamples
        self.seed = seed
        self.split_hash = split_hash
        self.checkpoint = checkpoint
        self.probabilities = SliceProbabilities() if probabilities is None else probabilities
        self.inferer = inferer
        self.input_profile = input_profile
        self._weights: dict[str, Any] = {}

    def attach(self, engine: Engine) -> None:
        """Refuse another split before the epoch, report after it."""
        engine.add_event_handler(Events.STARTED, lambda _: _require_trained_split(self.output_dir, self.split_hash))
        engine.add_event_handler(Events.STARTED, self._note_weights)
        engine.add_event_handler(Events.COMPLETED, self)

    def _note_weights(self, engine: Engine) -> None:
        """Keep the hash of the weights that are scored: a training that goes on may replace the file."""
        if self.checkpoint is not None:
            self._weights = {"weights_sha256": hashlib.sha256(Path(self.checkpoint).read_bytes()).hexdigest()}
        if self.inferer is not None:
            self._weights |= self.inferer.record()

    def __call__(self, engine: Engine) -> None:
        """Score and write; metrics.json comes last."""
        collected = self.validation.predictions
        train = self.train_dataset
        probabilities = self.probabilities.fitted_to(train.relative_position, train.labels).chosen_on(collected)
        test = probabilities.of(self._test_predictions())
        validation = None if collected is None else probabilities.of(collected)
        content = evaluate_predictions(
            test,
            validation,
            train_position=train.relative_position,
            train_label=train.labels,
            threshold=self.threshold,
            threshold_rule=self.threshold_rule,
            n_resamples=self.n_resamples,
            seed=self.seed,
            split_hash=self.split_hash,
        )
        content |= {"map_scale": self.validation.map_scale, **self._weights, **probabilities.record()}
        content["input_profile"] = self.input_profile() if self.input_profile is not None else None
        write_json(self.output_dir / "split.json", self._split(test))
        if validation is not None:
            write_predictions(self.output_dir / "validation_predictions.csv", self._for_pooling(validation, content))
        write_predictions(self.output_dir / "predictions.csv", self._for_pooling(test, content))
        write_json(self.output_dir / "metrics.json", content)
        self._tell(content)

    def _tell(self, content: Mapping[str, Any]) -> None:
        for line in evaluation_summary(content):
            logger.info(line)
        if content["slice_smoothing"]:
            sigma = content["slice_smoothing"]
            logger.info(f"The logits of a scan are smoothed along its slices, sigma {sigma:g} slices.")
        if content["slice_position"]:
            logger.info("The position of a slice in its scan counts, as the training slices had it.")
        logger.info(
            f"In brackets: 95% intervals from resampling patients. All scores: {self.output_dir / 'metrics.json'}"
        )

    def finish(self) -> None:
        """Fail where nothing was scored: MONAI skips an empty test set in silence, and with it this handler.

        Raises:
            ValueError: there is no test slice.
        """
        self._test_predictions()

    def _test_predictions(self) -> Predictions:
        if self.test.predictions is None:
            raise ValueError(
                "test split must have slices, got none: set split_fractions, test_site, fold or split_file so that "
                "there are test patients."
            )
        return self.test.predictions

    def _split(self, test: Predictions) -> dict[str, list[str]]:
        """Return part -> case ids, in the form that the knob `split_file` reads."""
        validation = [] if self.validation.predictions is None else self.validation.predictions.case.tolist()
        parts = {"train": self.train_dataset.cases, "val": validation, "test": test.case.tolist()}
        return {part: sorted(set(cases)) for part, cases in parts.items()}

    def _for_pooling(self, test: Predictions, content: Mapping[str, Any]) -> Predictions:
        """Return the predictions with the columns that pooling runs needs: position baseline, IoU at its threshold."""
        baseline = position_baseline(self.train_dataset.relative_position, self.train_dataset.labels, test.position)
        map_scores = (content["map"], content["baselines"].get("centre_prior", {}).get("map", {}))
        index, prior_index = (
            IOU_THRESHOLDS.index(scores.get("iou_threshold", IOU_THRESHOLDS[0])) for scores in map_scores
        )
        return replace(test, position_only=baseline).with_iou_at(index, prior_index)


def _require_trained_split(output_dir: Path, split_hash: str) -> None:
    """Refuse a split that is not the one in the run's record, where both are known."""
    record = output_dir / "run.json"
    trained = read_json(record, {}).get("split_hash", "")
    if trained and split_hash and trained != split_hash:
        raise ValueError(
            f"{record}: split must be {trained[:12]}, which the run was trained on, got {split_hash[:12]}: test "
            "patients may have been trained on. Use the run's split settings."
        )
