"""Faults of a scan and of the answer to it that need no profile of the training data: refused or warned of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.dicom import Reading
from bundle.reports import capped, told_apart
from bundle.volumes.problem import FileProblem, Problem

_NAMED = 4
"""Slices that a warning names; of the others it says the number."""


@contextmanager
def plain_errors(words: Mapping[str, str] | None = None) -> Iterator[None]:
    """Raise what was wrong with a volume; MONAI says of a transform's error only which transform it was.

    Args:
        words: replaced in what the error says, as the path of a file that is gone when people read it.

    Raises:
        ValueError: the first error of a transform, or one of this kind.

    Example:
        >>> with plain_errors({"/tmp/volume.nii": "case 1"}):
        ...     raise ValueError("/tmp/volume.nii must be finite, got NaN: export it again.")
        Traceback (most recent call last):
        ValueError: case 1 must be finite, got NaN: export it again.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        plain = error.__cause__ if isinstance(error, RuntimeError) else error
        if not isinstance(plain, ValueError):
            raise
        said = str(plain)
        for word, other in (words or {}).items():
            said = said.replace(word, other)
        raise (ValueError(said) if said != str(plain) else plain) from None


def blank_counts(image: ArrayLike) -> NDArray:
    """Return (C,) how many slices of each channel have one value throughout: the network sees nothing in them.

    Args:
        image: (C, H, W, D).

    Example:
        >>> blank_counts(np.arange(2) * np.eye(2)[None, ..., None]).tolist()
        [1]
    """
    return np.asarray(_blank(image).sum(axis=-1))


def _blank(image: ArrayLike) -> NDArray[np.bool_]:
    """Return (C, D), True for a blank slice."""
    values = np.asarray(image)
    return np.asarray(values.max(axis=(1, 2)) == values.min(axis=(1, 2)))


def blank_warnings(image: ArrayLike, channels: Sequence[str]) -> Iterator[str]:
    """Yield how many slices of each channel are blank between others; at an end scans of the head often have some.

    Args:
        image: (C, H, W, D).
        channels: names of the channels.

    Example:
        >>> list(blank_warnings(np.eye(2)[None, ..., None] * [0, 1, 0, 1, 0], ["CT"]))
        ['1 of 5 slices of CT is blank between others, with one value throughout: the network sees nothing in it.']
    """
    shown = ~_blank(image)
    between = ~shown & np.maximum.accumulate(shown, axis=1) & np.maximum.accumulate(shown[:, ::-1], axis=1)[:, ::-1]
    for name, blank in zip(channels, between.sum(axis=1).tolist(), strict=True):
        if blank:
            of_channel = f"{blank} of {shown.shape[1]} slices of {name} {'is' if blank == 1 else 'are'} blank"
            seen = f"the network sees nothing in {'it' if blank == 1 else 'them'}"
            yield f"{of_channel} between others, with one value throughout: {seen}."


def require_signal(image: ArrayLike, labels: Sequence[str]) -> None:
    """Refuse a scan of which a channel shows nothing: its answer would be that to an empty image.

    Args:
        image: (C, H, W, D).
        labels: names of the series of the channels.

    Raises:
        FileProblem: all slices of a channel are blank.

    Example:
        >>> require_signal(np.zeros((1, 2, 2, 3)), ["series 7"])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        bundle.volumes.problem.FileProblem: series 7 must show something, got one value throughout each of its 3 ...
    """
    values = np.asarray(image)  # to ask a tensor for np.shape takes a second
    count = values.shape[-1]
    for label, blank in zip(labels, blank_counts(values).tolist(), strict=True):
        if blank == count:
            found, remedy = f"one value throughout each of its {count} slices", "export it again, or leave it out"
            raise FileProblem(Problem(label, "show something", found, remedy))


def answer_warnings(
    reading: Reading, slices: Sequence[Mapping[str, Any]] = (), *, has_map_scale: bool = True
) -> Iterator[str]:
    """Yield where the answer for the scan says another thing than its slices, and a map that compares with no other.

    Args:
        reading: of one class.
        slices: of the result, `source_slice` and whether it is `blank`.
        has_map_scale: whether the ends of the map are those of the model, or the lowest and highest of this scan.
    """
    count, positive = len(reading.probability), int((reading.probability >= reading.threshold[0]).sum())
    threshold, of_scan = told_apart(reading.threshold[0], reading.volume_threshold[0])
    if reading.present[0] and not positive:
        yield (
            f"The scan is called present, as a slice reaches {of_scan}, but no slice is positive (from "
            f"{threshold}): look at the top slice."
        )
    reached = set(np.flatnonzero(reading.probability[:, 0] >= reading.volume_threshold[0]).tolist())
    if reached and reached <= {row["source_slice"] for row in slices if row["blank"]}:
        numbers = capped((str(index + 1) for index in sorted(reached)), _NAMED)
        yield f"The scan is called present by blank slices alone ({numbers}): the network saw nothing in them."
    if positive and not reading.present[0]:
        some = f"{positive} of {count} slices {'is' if positive == 1 else 'are'} positive (from {threshold})"
        found = f", with {len(reading.findings)} finding{'s' * (len(reading.findings) > 1)}" if reading.findings else ""
        yield (
            f"The scan is called absent, as no slice reaches {of_scan}, which a scan needs, but {some}{found}: look "
            "at these slices."
        )
    if reading.attribution is not None and not has_map_scale:
        yield "The bundle has no color scale for its maps: 1 is the highest value of this scan, whatever it shows."
    if reading.findings and "uneven" in reading.stack.flags:
        yield (
            "Slices are unevenly apart: size and center of a finding are by the position of each slice, which counts "
            "half the way to both neighbors."
        )
