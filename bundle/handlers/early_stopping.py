"""Early stopping that a checkpoint needs to know nothing of."""

from __future__ import annotations

from ignite.engine import Engine, Events
from monai.engines import Evaluator


class EarlyStopping:
    """Ends training when the key metric's best epoch lies `patience` epochs back.

    All it needs is the validator's best epoch, which a checkpoint restores; so it has no state of its own and a
    resumed run stops where the uninterrupted one would. Attach it after `TrainingCheckpoint`: a run that had stopped
    and is resumed trains no further epoch.

    Args:
        validator: the evaluator that `ValidationHandler` runs.
        patience: epochs without a better key metric before training ends; None never ends it.

    Raises:
        ValueError: patience below 1.

    Example:
        >>> EarlyStopping(validator=None, patience=None).attach(Engine(lambda engine, batch: None))
    """

    def __init__(self, validator: Evaluator, patience: int | None) -> None:
        if patience is not None and patience < 1:
            raise ValueError(f"early_stopping must be 1 epoch or more, got {patience}: null trains all epochs.")
        self.validator = validator
        self.patience = patience

    def attach(self, engine: Engine) -> None:
        """Look at the start of the run and after every epoch of the trainer."""
        if self.patience is not None:
            engine.add_event_handler(Events.STARTED, self)
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """End training if the best epoch is too far back."""
        best_epoch = self.validator.state.best_metric_epoch
        if best_epoch > 0 and engine.state.epoch - best_epoch >= (self.patience or 0):
            engine.logger.info(f"No better key metric since epoch {best_epoch}: training ends.")
            engine.terminate()
