"""Training of the packed model on the labels of a server, which never makes the model in use worse."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.consumers.label.bundle_runs import BundleRuns
from bundle.consumers.label.model_versions import holding_models, publish
from bundle.consumers.label.new_model import NewModel
from bundle.consumers.label.patients import (
    TRAIN,
    VAL,
    assign,
    keep_assignment,
    labeled_items,
    patient_labels,
    recorded_assignment,
)
from bundle.consumers.label.progress import Progress, work_folder
from bundle.data.cases.same_scan import refuse_same_scans
from bundle.files import read_json
from bundle.keys import PATIENT
from bundle.workflow.last_line import last_lines

SCORE = "average_precision"
"""Of the slices of the validation patients; it needs no threshold, so none is chosen in favor of one model."""
_AS_USED = ("slice_smoothing", "slice_position", "score_calibration", "test_time_flip", "ensemble")


@dataclass(frozen=True)
class LabelTraining:
    """Training of a packed bundle by its own `train.json`, scored by its own `evaluate.json`.

    It works in `runs/label` of the bundle; `stats.json` there tells how far it is and why it failed. A new model comes
    into use only if its average precision on the slices of the validation patients is at least that of the model in
    use, scored on the same slices as it is used; see `publish` for how.

    Args:
        root: folder of the bundle.
        max_epochs: None takes what the model was trained with.
        pretrained: start from the model in use, not from random weights.
        val_split: share of the patients who validate.
        patient: see `labeled_items`.
        device: such as `"cuda:0"`; None takes what the bundle would.

    Raises:
        RuntimeError: when it is called; the reason in a line or a few, the traceback is in `runs/label/error.log`.

    Example:
        >>> asked = LabelTraining.asked("no/bundle", {"max_epochs": "3", "pretrained": "false", "device": ["cpu"]})
        >>> asked.max_epochs, asked.pretrained, asked.device
        (3, False, 'cpu')
    """

    root: Path
    max_epochs: int | None = None
    pretrained: bool = True
    val_split: float = 0.2
    patient: str | None = None
    device: str | None = None

    @classmethod
    def asked(cls, root: str | os.PathLike[str], request: Mapping[str, Any]) -> LabelTraining:
        """Return the training that a client asks for; values come as text, and options as lists whose first counts.

        Raises:
            ValueError: a value is none of its kind.
        """
        first = {key: value[0] if isinstance(value, list) and value else value for key, value in request.items()}
        given = {key: value for key, value in first.items() if value not in (None, "", [])}
        found: dict[str, Any] = {"root": Path(root)}
        for name, read in _READ.items():
            if name in given:
                try:
                    found[name] = read(str(given[name]))
                except (KeyError, ValueError):
                    raise ValueError(
                        f"{name} must be {_KIND[name]}, got {given[name]!r}: correct it in the options of the training."
                    ) from None
        return cls(**found)

    def __call__(self, cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Train, compare with the model in use, and replace that one by a new one that is no worse.

        Args:
            cases: see `labeled_items`.

        Returns:
            Scores of both models, and whether the new one is in use.
        """
        with holding_models(self.root):
            train = read_json(self.root / "configs" / "train.json")
            progress = Progress(self.root, train.get("key_metric", "f1"))
            try:
                outcome = self._run(cases, progress)
            except Exception as error:
                reason = "\n".join(last_lines(error)).removeprefix("error: ")
                progress.fail(reason, error)
                raise RuntimeError(reason) from None
            progress.end(outcome)
        return outcome

    def _run(self, cases: Sequence[Mapping[str, Any]], progress: Progress) -> dict[str, Any]:
        runs = BundleRuns(self.root, work_folder(self.root), self.device)
        parts = self._parts(runs, cases)
        in_use = self.root / "models" / "model.pt"
        settings: dict[str, Any] = {"initial_weights": str(in_use.resolve())} if self.pretrained else {}
        if self.max_epochs is not None:
            settings["max_epochs"] = self.max_epochs
        runs.train(parts, progress.follow, **settings)
        new = runs.evaluate(parts, runs.work / "model.pt", runs.work)["slice"][SCORE]
        inference = read_json(self.root / "configs" / "inference.json")
        as_used = {name: inference.get(name) for name in _AS_USED}
        old = runs.evaluate(parts, in_use, runs.work / "in_use", **as_used, bootstrap_draws=1)["slice"][SCORE]
        patients = {part: len({item[PATIENT] for item in items}) for part, items in parts.items()}
        outcome = {"metric": SCORE, "new": new, "in_use": old, "patients": patients, "replaced": new >= old}
        if outcome["replaced"]:
            outcome["version"] = publish(self.root, NewModel(self.root, runs.work, parts[VAL], outcome).write).name
        return outcome

    def _parts(self, runs: BundleRuns, cases: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        """Return the cases that train and validate; no patient is in both."""
        items = labeled_items(cases, self.patient)
        if not items:
            raise ValueError("labels must be there before a training, got none: label scans and submit the labels.")
        refuse_same_scans(items)
        labels = patient_labels(runs.dataset(items))
        record = self.root / "models" / "patients.json"
        assigned = assign(labels, recorded_assignment(record), self.val_split)
        keep_assignment(record, assigned)
        return {part: [item for item in items if assigned.get(item[PATIENT]) == part] for part in (TRAIN, VAL)}


_READ: dict[str, Callable[[str], Any]] = {
    "max_epochs": lambda text: _positive(int(text)),
    "pretrained": lambda text: {"true": True, "false": False}[text.lower()],
    "val_split": float,
    "patient": str,
    "device": str,
}
_KIND = {"max_epochs": "a whole number of at least 1", "pretrained": "true or false", "val_split": "a number"}


def _positive(number: int) -> int:
    if number < 1:
        raise ValueError
    return number
