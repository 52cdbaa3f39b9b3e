"""Predictions of every slice of an evaluation, with the scores of its maps."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from ignite.engine import Engine, Events
from numpy.typing import NDArray
from torch import Tensor

from bundle import keys
from bundle.attribution import Attribution
from bundle.handlers.slice_scores_metric import gather
from bundle.metrics import Predictions, center_prior, class_probabilities, map_scores


class HasItems(Protocol):
    """A slice dataset, of which the names are needed."""

    items: list[dict[str, Any]]


class CollectPredictions:
    """Collects label and probability of every slice, and the map scores of positive slices with a mask.

    Everything stays where the batch lies until the epoch ends; then `predictions` holds the whole data set, also where
    several processes shared it. The same scores are kept for a center prior: a map that always points to the center.
    `map_scale` is the color scale for the model's maps: from the median to the maximum of the map of a typical positive
    slice (the median of both over all positive slices).

    Args:
        dataset: gives case, patient and site of a slice.
        attribution: makes the maps; `EvidenceSplit` must run before this handler.

    Raises:
        ValueError: at the end of the epoch, if a map holds NaN or infinity.

    Example:
        >>> from bundle.attribution import EAFEM
        >>> collect = CollectPredictions(dataset=None, attribution=EAFEM())
        >>> collect.predictions is None
        True
    """

    def __init__(self, dataset: HasItems, attribution: Attribution) -> None:
        self.dataset = dataset
        self.attribution = attribution
        self.predictions: Predictions | None = None
        self.map_scale: tuple[float, float] | None = None
        self._columns: dict[str, list[Tensor]] = {}

    def attach(self, engine: Engine) -> None:
        """Collect over the evaluator's epoch."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def start(self, engine: Engine) -> None:
        """Forget the last epoch."""
        self._columns, self.predictions, self.map_scale = {}, None, None

    def add(self, engine: Engine) -> None:
        """Keep one batch."""
        output, batch = engine.state.output, engine.state.batch
        logits = output[keys.PRED].detach().float()
        self._keep("label", batch[keys.LABEL].reshape(len(logits)).long())
        self._keep("probability", class_probabilities(logits))
        self._keep("logit", logits)
        self._keep("case_index", batch[keys.CASE_INDEX])
        self._keep("slice_index", batch[keys.SLICE_INDEX])
        evidence = output.pop(keys.EVIDENCE)
        with torch.set_grad_enabled(self.attribution.needs_grad):
            maps = self.attribution(evidence, output[keys.IMAGE].shape[-2:]).detach().float()
        self._keep("map_median", maps.flatten(1).median(dim=1).values)
        self._keep("map_maximum", maps.flatten(1).amax(dim=1))
        self._keep("map_is_finite", maps.isfinite().flatten(1).all(dim=1))
        masks = batch[keys.MASK]
        for name, score in map_scores(maps, masks).items():
            self._keep(f"map.{name}", score)
        for name, score in map_scores(center_prior(masks.shape[-2:]).to(maps).expand_as(maps), masks).items():
            self._keep(f"prior.{name}", score)

    def finish(self, engine: Engine) -> None:
        """Gather the columns of all ranks into `predictions`."""
        columns = {name: gather(torch.cat(parts)).cpu().numpy() for name, parts in self._columns.items()}
        _require_finite_maps(columns.pop("map_is_finite"))
        positive = columns["label"] > 0
        self.map_scale = _typical_range(columns.pop("map_median")[positive], columns.pop("map_maximum")[positive])
        index = columns.pop("case_index")
        names = {key: np.array([item[key] for item in self.dataset.items]) for key in ("case", "patient", "site")}
        groups = {
            prefix: {name.removeprefix(prefix): columns.pop(name) for name in list(columns) if name.startswith(prefix)}
            for prefix in ("map.", "prior.")
        }
        self.predictions = Predictions(
            **{key: values[index] for key, values in names.items()},
            **columns,
            map_scores=groups["map."],
            prior_map_scores=groups["prior."],
        ).sorted_unique()
        self._columns = {}

    def _keep(self, name: str, values: Tensor) -> None:
        self._columns.setdefault(name, []).append(values.detach())


def _typical_range(medians: NDArray, maxima: NDArray) -> tuple[float, float] | None:
    """Return the values between which a typical positive slice's map lies above its background, if there is one."""
    if not len(medians):
        return None
    low, high = float(np.median(medians)), float(np.median(maxima))
    return None if np.isclose(low, high) else (low, high)


def _require_finite_maps(is_finite: NDArray) -> None:
    """Refuse maps with NaN, which would be scored as even maps; probabilities are refused where they are scored."""
    if not is_finite.all():
        raise ValueError(
            f"attribution maps must be finite, got NaN or infinity for {int((~is_finite).sum())} of {len(is_finite)} "
            "slices: check whether training diverged."
        )
