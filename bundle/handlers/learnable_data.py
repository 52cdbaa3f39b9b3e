"""Look at the labels before the first epoch: a training without any is refused."""

from __future__ import annotations

import logging

from ignite.engine import Engine, Events

from bundle.data import SliceDataset, describe_labels, describe_left_out, label_warnings, require_labels


class LearnableData:
    """Refuses to train without labels, warns of one class, tells how many cases have masks, slice labels or neither.

    Args:
        train: training slices.
        val: validation slices.
        maps: whether masks shall supervise the maps.

    Raises:
        ValueError: when it is attached or the run starts, if there is nothing to learn.

    Example:
        >>> empty = SliceDataset([], transform=sorted, cache_dir="not/made")
        >>> LearnableData(empty, empty).attach(Engine(lambda engine, batch: None))
        Traceback (most recent call last):
        ValueError: the training part must hold cases with labels, got no cases: see split_fractions, split_file and \
num_folds.
    """

    def __init__(self, train: SliceDataset, val: SliceDataset, maps: bool = False) -> None:
        self.train = train
        self.val = val
        self.maps = maps

    def attach(self, engine: Engine) -> None:
        """Look when the trainer's run starts; of an empty data set it would not even start."""
        if not self.train.cases:
            require_labels(self.train, "training")
        describe_left_out(self.train)
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Raise, warn and tell."""
        require_labels(self.train, "training")
        logger = logging.getLogger(__name__)
        for part, dataset in (("training", self.train), ("validation", self.val)):
            logger.info(f"{part}: {describe_labels(dataset)}.")
        counts = self.train.masks.counts
        if counts["cases"] and self.train.masks.teacher:
            logger.info(
                "the teacher draws the masks of {cases} training cases: it finds something in {found} of their "
                "{positive} positive slices.".format(**counts)
            )
        if left_out := describe_left_out(self.train):
            logger.info(f"{left_out}.")
        for line in label_warnings(self.train, self.val, self.maps):
            logger.warning(f"{line}.")
