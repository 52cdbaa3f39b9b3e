"""Requirements on the labels of a part of the split: something to learn, something to score."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from bundle.data.slices.dataset import SliceDataset
from bundle.keys import IGNORED_LABEL

logger = logging.getLogger(__name__)

_LOOKED_AT = 2000
"""Masks that are looked at, at most: the start of a run should not read those of all scans."""


def describe_labels(dataset: SliceDataset) -> str:
    """Return one line that counts cases by the kind of their labels, and positive slices.

    Example:
        >>> describe_labels(SliceDataset([], transform=sorted, cache_dir="not/made"))
        '0 cases: masks 0, slice labels 0, no labels 0; 0 of 0 labeled slices positive'
    """
    labeled = np.zeros(len(dataset.cases), dtype=bool)
    labeled[dataset.case_of_slice[dataset.labels != IGNORED_LABEL]] = True
    masks = int(dataset.store.supervised.sum())
    by_csv = int((labeled & ~dataset.store.supervised).sum())
    known = dataset.labels[dataset.labels != IGNORED_LABEL]
    return (
        f"{len(dataset.cases)} cases: masks {masks}, slice labels {by_csv}, no labels "
        f"{len(dataset.cases) - masks - by_csv}; {int((known > 0).sum())} of {len(known)} labeled slices positive"
    )


def require_labels(dataset: SliceDataset, part: str) -> None:
    """Refuse a part of the split in which no slice has a label.

    Args:
        dataset: the slices of the part.
        part: ``"training"`` or ``"test"``, for the error.

    Raises:
        ValueError: says what the part holds and where cases are put into it.

    Example:
        >>> require_labels(SliceDataset([], transform=sorted, cache_dir="not/made"), "test")
        Traceback (most recent call last):
        ValueError: the test part must hold cases with labels, got no cases: see split_fractions, split_file and \
num_folds.
    """
    if not dataset.cases:
        raise ValueError(
            f"the {part} part must hold cases with labels, got no cases: see split_fractions, split_file and num_folds."
        )
    if np.isnan(dataset.positive_share):
        raise ValueError(
            f"the {part} part must hold cases with labels, got {describe_labels(dataset)}: give masks or CSVs of slice "
            "labels; in a datalist the key is 'label'."
        )


def describe_left_out(dataset: SliceDataset) -> str:
    """Return one line on the cases that a training by masks alone leaves out, nothing where it takes all.

    Raises:
        ValueError: no case is supervised.

    Example:
        >>> describe_left_out(SliceDataset([], transform=sorted, cache_dir="not/made"))
        ''
    """
    if not dataset.supervised_only:
        return ""
    if not dataset.supervised.any():
        raise ValueError(
            "the training part must hold cases whose masks supervise (supervised_only), got "
            f"{describe_labels(dataset)}: give masks, raise supervised_cases, or choose a network that learns from "
            "labels."
        )
    out = int((~dataset.masks.supervising).sum())
    return f"{out} of {len(dataset.cases)} training cases are left out: this network learns from masks alone"


def describe_lost_masks(dataset: SliceDataset) -> str:
    """Return one line on positive slices whose mask has no pixel left at the network's size; nothing without any.

    Such a slice has its label, from the mask as it was drawn, but it can supervise no map and score none. Of more than
    2,000 so many are looked at, spread over all.

    Example:
        >>> describe_lost_masks(SliceDataset([], transform=sorted, cache_dir="not/made"))
        ''
    """
    positions = np.flatnonzero(dataset.masks.own[dataset.case_of_slice] & (dataset.labels > 0))
    looked_at = positions[np.linspace(0, len(positions) - 1, min(len(positions), _LOOKED_AT)).astype(np.int64)]
    lost = int((~dataset.store.marked(looked_at)).sum())
    if not lost:
        return ""
    of_them = f" that were looked at, of {len(positions)}," if len(looked_at) < len(positions) else ""
    return (
        f"{lost} of {len(looked_at)} positive slices{of_them} have lesions so small that their masks have no pixel "
        f"left at {dataset.store.slice_shape[-1]} px: they train no map, and map scores are of the larger lesions; "
        "raise image_size, or crop to the organ"
    )


def warn_of_lost_masks(dataset: SliceDataset) -> None:
    """Warn of test slices that map scores leave out, see `describe_lost_masks`.

    Example:
        >>> warn_of_lost_masks(SliceDataset([], transform=sorted, cache_dir="not/made"))
    """
    if line := describe_lost_masks(dataset):
        logger.warning(f"Test: {line}.")


def label_warnings(train: SliceDataset, val: SliceDataset, maps: bool = False) -> Iterator[str]:
    """Yield one line for each lack of labels that training survives.

    Args:
        train: training slices.
        val: validation slices.
        maps: whether masks shall supervise the maps.

    Example:
        >>> empty = SliceDataset([], transform=sorted, cache_dir="not/made")
        >>> [line[:30] for line in label_warnings(empty, empty)]
        ['there are no validation cases:']
    """
    if train.positive_share == 0:
        yield (
            "no training slice is positive: there is nothing to learn; check the masks, mask_values and the classes in "
            "the CSVs, or take other patients for training"
        )
    elif train.positive_share == 1:
        yield "all labeled training slices are positive: there is nothing to tell apart, a classifier learns only that"
    if maps and train.cases and not train.supervised.any():
        yield (
            "no training case has a mask: localization_weight and segmentation_weight have nothing to act on, only the "
            "labels train"
        )
    if maps and (line := describe_lost_masks(train)):
        yield line
    counts = train.masks.counts
    if train.masks.teacher and not counts["found"] and counts["cases"]:
        yield "the teacher finds nothing in the slices without a mask: train it for longer, or leave it out"
    if not val.cases:
        yield "there are no validation cases: nothing chooses the best epoch, model.pt holds the last one"
    elif np.isnan(val.positive_share):
        yield "no validation case has labels: nothing chooses the best epoch, model.pt holds the last one"
