"""Reading of a stack by a model, in the order of its planes: the common source of the report and of the objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle.volumes.dicom_series import Stack


@dataclass(frozen=True)
class Model:
    """Identity of a model.

    Args:
        name: of the bundle.
        version: of the bundle.
        weights_sha256: hash of the weights.
    """

    name: str
    version: str
    weights_sha256: str


@dataclass(frozen=True)
class Reading:
    """Answer of a model for one stack; a volume of it has the axes column, row, slice, as `Stack.affine` has.

    Args:
        stack: that was read.
        model: that read it.
        classes: (K,) names.
        probability: (D, K) of the slices, in the order of `stack.planes`.
        threshold: (K,) of a slice.
        volume_probability: (K,) of the whole stack.
        volume_threshold: (K,) of the whole stack.
        threshold_source: where the thresholds come from, a sentence for people.
        attribution: (columns, rows, D) float32 from 0 to 1, the color scale; None if the map was not asked for.
        labels: (columns, rows, D), number of the finding in each voxel, 0 for none.
        findings: entries as `describe_regions` makes them, `finding` being the number in `labels`; `key_source_slice`
            is an index of `stack.planes`.
        position: (D, K) probability that the position of a slice alone gives; None if it is not known.
        warnings: sentences for people.
        further: contrasts of the same study that the model read beside `stack`, on its grid.
        shown: which of `stack` and `further` pictures show, counted from 0.
        has_rule: whether findings were looked for; without a rule there are none, whatever the images show.

    Raises:
        ValueError: the shapes do not belong together.
    """

    stack: Stack
    model: Model
    classes: tuple[str, ...]
    probability: NDArray
    threshold: tuple[float, ...]
    volume_probability: tuple[float, ...]
    volume_threshold: tuple[float, ...]
    threshold_source: str
    attribution: NDArray | None
    labels: NDArray
    findings: Sequence[Mapping[str, Any]] = ()
    position: NDArray | None = None
    warnings: tuple[str, ...] = field(default=())
    further: tuple[Stack, ...] = ()
    shown: int = 0
    has_rule: bool = True

    def __post_init__(self) -> None:
        of_slices, count = (len(self.stack.planes), len(self.classes)), len(self.classes)
        for name, shape in (
            ("probability", of_slices),
            ("position", of_slices),
            ("attribution", self.stack.shape),
            ("labels", self.stack.shape),
            ("threshold", (count,)),
            ("volume_probability", (count,)),
            ("volume_threshold", (count,)),
        ):
            values = getattr(self, name)
            if values is not None and np.shape(values) != shape:
                raise ValueError(
                    f"{name} must have the shape {shape}, as the stack and classes have, got {np.shape(values)}."
                )

    @property
    def present(self) -> tuple[bool, ...]:
        """(K,) whether each class is in the stack: its probability reaches the threshold."""
        return tuple(bool(p >= t) for p, t in zip(self.volume_probability, self.volume_threshold, strict=True))

    @cached_property
    def marked(self) -> slice:
        """Slices from the first to the last one with a finding."""
        index = np.flatnonzero(np.any(self.labels, axis=(0, 1)))
        return slice(int(index[0]), int(index[-1]) + 1) if len(index) else slice(0, 0)

    @cached_property
    def slices_of(self) -> dict[int, tuple[int, int]]:
        """First and last slice of each number in `labels`."""
        found: dict[int, tuple[int, int]] = {}
        for index in range(self.marked.start, self.marked.stop):
            for number in np.flatnonzero(np.bincount(self.labels[..., index].ravel())).tolist():
                found[number] = found.get(number, (index, index))[0], index
        found.pop(0, None)
        return found

    @property
    def top_slice(self) -> int:
        """Index of the slice with the highest probability of any class."""
        return int(np.argmax(self.probability.max(axis=1)))
