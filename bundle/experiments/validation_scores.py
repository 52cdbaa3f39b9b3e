"""How a run did on validation, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def validation_scores(folder: str | Path, name: str = "key_score") -> dict[int, float]:
    """Return epoch -> validation score, of a finished run or of one at work.

    They come from TensorBoard's files, which every run writes and flushes after each epoch: exact, in one place for
    killed and continued runs, and for any metric, where the log rounds and names two.

    Args:
        folder: of the run.
        name: a validation metric; `key_score` is the one that chooses the checkpoint, F1 by default.

    Example:
        >>> validation_scores("not/there")
        {}
    """
    if not list(Path(folder).glob("events.out.tfevents.*")):
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1})
    events.Reload()
    if name not in events.Tags()["scalars"]:
        return {}
    return {event.step: event.value for event in events.Scalars(name)}


class BestEpoch(NamedTuple):
    """The epoch, from 1 on, whose weights a run keeps, and its validation score."""

    epoch: int
    score: float


def best_epoch(scores: Mapping[int, float]) -> BestEpoch | None:
    """Return the first epoch with the highest score, None where there is no score.

    Example:
        >>> best_epoch({1: 0.5, 2: 0.75, 3: 0.75})
        BestEpoch(epoch=2, score=0.75)
    """
    epoch = max(scores, key=lambda epoch: (scores[epoch], -epoch), default=None)
    return None if epoch is None else BestEpoch(epoch, scores[epoch])
