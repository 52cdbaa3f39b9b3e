"""Ties between validated epochs, decided by average precision."""

from __future__ import annotations

import math

from ignite.engine import Engine, Events


class BestEpoch:
    """Decides between validated epochs of one key score: the higher average precision, else the later epoch.

    MONAI's evaluator compares the key score alone and keeps the first of equal epochs. Where F1 is 0 in all of them,
    because no slice reaches the threshold yet, that would be the weights of the first. An epoch whose key score is
    undefined takes part in no comparison, see `SliceScores`.

    It is attached to the validator and keeps two values in its state, which a checkpoint must hold:
    `best_average_precision` of the best epoch, and `best_since`, the epoch that was last better and not only as good.

    Example:
        >>> from bundle.handlers import SliceScores
        >>> from monai.engines import SupervisedEvaluator
        >>> import torch
        >>> batch = {"image": torch.tensor([[-2.0], [-1.0]]), "label": torch.tensor([[0.0], [1.0]])}
        >>> options = {"key_val_metric": {"key_score": SliceScores("f1")}, "val_handlers": [BestEpoch()]}
        >>> validator = SupervisedEvaluator("cpu", [batch], torch.nn.Identity(), decollate=False, **options)
        >>> for epoch in (1, 2):
        ...     validator.run(epoch)
        >>> validator.state.best_metric, validator.state.best_metric_epoch, validator.state.best_since
        (0.0, 2, 1)
    """

    def attach(self, engine: Engine) -> None:
        """Look after every epoch of the validator, whose metrics come before its handlers."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Keep the average precision of a new best epoch, or make an equal epoch the best."""
        state = engine.state
        if state.key_metric_name is None:
            return
        precision = state.metrics["average_precision"]
        precision = 0.0 if math.isnan(precision) else precision
        if state.best_metric_epoch == state.epoch:
            state.best_average_precision, state.best_since = precision, state.epoch
            return
        best = getattr(state, "best_average_precision", 0.0)  # absent after a checkpoint of an older version
        if state.metrics[state.key_metric_name] == state.best_metric and precision >= best:
            state.best_average_precision, state.best_metric_epoch = precision, state.epoch
            state.best_since = state.epoch if precision > best else state.best_since
