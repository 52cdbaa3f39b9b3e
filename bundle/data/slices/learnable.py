"""Requirements on the labels of a part of the split: something to learn, something to score."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bundle.data.slices.dataset import SliceDataset
from bundle.files import read_json
from bundle.keys import IGNORED_LABEL

logger = logging.getLogger(__name__)


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


def require_unseen(dataset: SliceDataset, weights: Sequence[Path]) -> None:
    """Refuse to score networks on cases that they were trained or validated with.

    Args:
        dataset: the slices of the test part.
        weights: files; what each has seen stands in `split.json` beside it, a warning says where there is none.

    Raises:
        ValueError: names file and cases.

    Example:
        >>> require_unseen(SliceDataset([], transform=sorted, cache_dir="not/made"), [])
    """
    for path in weights:
        split = read_json(path.parent / "split.json", {})
        if not split:
            logger.warning(f"{path}: no split.json lies beside it; test patients may have been trained on.")
        seen = {*split.get("train", ()), *split.get("val", ())} & set(dataset.cases)
        if seen:
            raise ValueError(
                f"{path} must be weights that have seen no test case, got {len(seen)} that its split.json names, e.g. "
                f"{min(seen)}: an ensemble of folds is for patients outside all of them, such as those of a test_site."
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
    counts = train.masks.counts
    if train.masks.teacher and not counts["found"] and counts["cases"]:
        yield "the teacher finds nothing in the slices without a mask: train it for longer, or leave it out"
    if not val.cases:
        yield "there are no validation cases: nothing chooses the best epoch, model.pt holds the last one"
    elif np.isnan(val.positive_share):
        yield "no validation case has labels: nothing chooses the best epoch, model.pt holds the last one"
