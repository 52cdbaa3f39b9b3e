"""Early stopping that a checkpoint needs to know nothing of."""

from __future__ import annotations

from ignite.engine import Engine, Events
from monai.engines import Evaluator


class EarlyStopping:
    """Ends training after `patience` validations without a better key score; as good is not better.

    It counts validations and not epochs: training never ends between two of them. It begins to count when a score is
    above 0, because a network without a right answer has yet to learn. All it needs is in the validator's state, which
    a checkpoint restores (see `BestEpoch`), so a resumed run stops where the uninterrupted one would. Attach it after
    `TrainingCheckpoint`: a run that had stopped and is resumed trains no further epoch.

    Args:
        validator: the evaluator that `ValidationHandler` runs.
        patience: validations without a better key score before training ends; None never ends it.
        interval: epochs from one validation to the next.

    Raises:
        ValueError: patience below 1.

    Example:
        >>> EarlyStopping(validator=None, patience=None).attach(Engine(lambda engine, batch: None))
    """

    def __init__(self, validator: Evaluator, patience: int | None, interval: int = 1) -> None:
        if patience is not None and patience < 1:
            raise ValueError(f"early_stopping must be 1 validation or more, got {patience}: null trains all epochs.")
        self.validator = validator
        self.patience = patience
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Look at the start of the run and after every epoch of the trainer."""
        if self.patience is not None:
            engine.add_event_handler(Events.STARTED, self)
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """End training if the last better epoch is too far back."""
        state = self.validator.state
        if state.best_metric_epoch < 1 or state.best_metric <= 0:
            return
        since = getattr(state, "best_since", state.best_metric_epoch)
        if engine.state.epoch // self.interval - since // self.interval >= (self.patience or 0):
            engine.logger.info(f"No better key score since epoch {since}: training ends.")
            engine.terminate()
