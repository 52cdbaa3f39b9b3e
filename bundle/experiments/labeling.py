"""Simulated labeling: how many scans must be labeled if the network itself says which one comes next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bundle.data import Split, split_hash
from bundle.experiments.labeling_training import Setup, train_and_predict
from bundle.files import read_json, write_json
from bundle.keys import PATIENT
from bundle.metrics import Predictions, slice_scores
from bundle.probabilities import ScoreCalibration, calibrated, fitted, scan_uncertainty

logger = logging.getLogger(__name__)
Round = dict[str, Any]
Items = list[dict[str, Any]]


def least_certain_first(unlabeled: Predictions, validation: Predictions, count: int) -> dict[str, float]:
    """Return patient -> calibrated uncertainty, see `scan_uncertainty`; the calibration is fitted to validation."""
    calibration = fitted(validation, ScoreCalibration()).entries()
    found = {}
    for patient in np.unique(unlabeled.patient):
        scan = unlabeled.select(unlabeled.patient == patient)
        found[str(patient)] = scan_uncertainty(calibrated(scan.probability, scan.slice_index, calibration), count)
    return found


STRATEGIES: Mapping[str, Callable[[Predictions, Predictions, int], dict[str, float]]] = {
    "random": lambda *_: {},  # patients without a score come in the random order of the seed
    "uncertain": least_certain_first,
}
"""Name -> scores of the patients without labels; the highest are labeled next."""


@dataclass(frozen=True)
class Labeling:
    """Content of a file such as `configs/experiments/labeling_lgg.yaml`.

    All scans of a patient are labeled together. Some of the labeled patients validate: they fit the calibration, train
    nothing, and count as labeled. Who of the pool would validate is drawn before, once for each seed.

    Args:
        name: names the simulation.
        base: config files of every training, train.json first, evaluate.json last.
        settings: ids that every training sets; `split_fractions` divides patients into a pool and the test.
        seeds: of the start, of the random order, and of every training.
        step: patients labeled in a round, {"train": n, "validation": m}; the first round is one of them.
        optimizer_steps: of a training, however few scans are labeled.
        uncertain_slices: see `scan_uncertainty`.
        margin: AUROC that may be missing to that of all data.
        strategies: names in `STRATEGIES`; the first is what the others are compared with.

    Raises:
        ValueError: from `read`, an entry is unknown or missing.

    Example:
        >>> plan = Labeling("t", ["configs/train.json"], {}, [0], {"train": 1, "validation": 1}, optimizer_steps=3)
        >>> plan.order([{"patient": name} for name in "abcdef"], seed=0)
        (['e', 'a', 'b'], ['d', 'c', 'f'])
    """

    name: str
    base: Sequence[str]
    settings: Mapping[str, Any]
    seeds: Sequence[int]
    step: Mapping[str, int]
    optimizer_steps: int
    uncertain_slices: int = 10
    margin: float = 0.01
    strategies: Sequence[str] = tuple(STRATEGIES)

    @classmethod
    def read(cls, path: str | Path) -> Labeling:
        """Return the plan that a YAML file holds."""
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        known = {entry.name for entry in fields(cls)} - {"name"}
        needed = {entry.name for entry in fields(cls) if entry.default is MISSING} - {"name"}
        given = set(content) if isinstance(content, dict) else set()
        if wrong := sorted((needed - given) | (given - known)):
            raise ValueError(f"{path}: entries must be {sorted(needed)} and perhaps others, check {wrong}.")
        plan = cls(Path(path).stem, **content)
        plan.require_sound()
        return plan

    def require_sound(self) -> None:
        """Refuse a strategy that is not in `STRATEGIES`, and a step that does not label patients of both kinds."""
        if unknown := [name for name in self.strategies if name not in STRATEGIES]:
            raise ValueError(f"strategies must be some of {', '.join(STRATEGIES)}, got {unknown}.")
        if self.step.keys() != {"train", "validation"} or min(self.step.values()) < 1:
            raise ValueError(f"step must be {{train: n, validation: m}}, both at least 1, got {self.step}.")

    def order(self, pool: Sequence[Mapping[str, Any]], seed: int) -> tuple[list[str], list[str]]:
        """Return the patients of the pool that would train, and those that would validate, in the order of the seed.

        Raises:
            ValueError: there are fewer than one round labels.
        """
        patients = sorted({item[PATIENT] for item in pool})
        if len(patients) < sum(self.step.values()):
            raise ValueError(f"pool must have the patients of a step {self.step}, got {len(patients)}: add patients.")
        mixed = [str(name) for name in np.random.default_rng(seed).permutation(patients)]
        share = len(mixed) * self.step["validation"] // sum(self.step.values())
        return mixed[share:], mixed[:share]


@dataclass(frozen=True)
class LabelingPath:
    """Rounds of one seed and strategy; a round that is on disk is not trained again.

    Args:
        plan: of the simulation.
        strategy: name in `STRATEGIES`.
        seed: see `Labeling`.
        split: pool and test.
        setup: config files and folders.
        folder: gets a file for each round; a round that two strategies share is trained once.
    """

    plan: Labeling
    strategy: str
    seed: int
    split: Split
    setup: Setup
    folder: Path

    def rounds(self) -> Iterator[Round]:
        """Yield the rounds from the first labels to all of the pool."""
        training, validating = self.plan.order(self.split.train, self.seed)
        step = self.plan.step
        counts = {"train": 0, "validation": 0}
        while counts["train"] < len(training) or counts["validation"] < len(validating):
            counts = {"train": counts["train"] + step["train"], "validation": counts["validation"] + step["validation"]}
            made = self.round(training[: counts["train"]], validating[: counts["validation"]])
            yield made
            scores = made["scores"][self.strategy]
            training = _sorted_rest(training, counts["train"], scores)
            validating = _sorted_rest(validating, counts["validation"], scores)

    def round(self, training: Sequence[str], validating: Sequence[str]) -> Round:
        """Return the round of these labeled patients, from its file or from a training."""
        train, validation = (_of(self.split.train, names) for names in (training, validating))
        file = self.folder / f"{len(training) + len(validating):03d}_{split_hash(train, validation)[:12]}.json"
        if not file.exists():
            write_json(file, self._made(train, validation))
        content: Round = read_json(file)
        return content

    def _made(self, train: Items, validation: Items) -> Round:
        known = {item[PATIENT] for item in [*train, *validation]}
        unlabeled = [item for item in self.split.train if item[PATIENT] not in known]
        settings = {**self.plan.settings, "seed": self.seed}
        predicted = train_and_predict(
            self.setup, settings, train, [*validation, *unlabeled, *self.split.test], self.plan.optimizer_steps
        )
        test, own, rest = (_select(predicted, items) for items in (self.split.test, validation, unlabeled))
        found = slice_scores(test.label, test.probability)
        logger.info(f"seed {self.seed}, {self.strategy}, {len(known)} patients: AUROC {found['auroc']:.4f}")
        count = self.plan.uncertain_slices
        return {
            "train": sorted({item[PATIENT] for item in train}),
            "validation": sorted({item[PATIENT] for item in validation}),
            "auroc": found["auroc"],
            "average_precision": found["average_precision"],
            "scores": {name: STRATEGIES[name](rest, own, count) for name in self.plan.strategies},
        }


def _sorted_rest(patients: Sequence[str], labeled: int, scores: Mapping[str, float]) -> list[str]:
    """Return the labeled patients, then the others by falling score; the order stays where scores are equal."""
    return [*patients[:labeled], *sorted(patients[labeled:], key=lambda name: -scores.get(name, 0.0))]


def _of(items: Items, patients: Sequence[str]) -> Items:
    return [item for item in items if item[PATIENT] in set(patients)]


def _select(predictions: Predictions, items: Items) -> Predictions:
    return predictions.select(np.isin(predictions.patient, [item[PATIENT] for item in items]))
