"""Split of the inferer's output into an invertible map and a JSON-serializable result."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from numpy.typing import NDArray
from torch import Tensor

from bundle import keys as names
from bundle.metrics import foreground_probability, volume_probability
from bundle.volumes import is_slice_image


class SplitPredictiond(MapTransform):
    """Split `pred` (1+K, H, W, D) into the attribution `pred` (1, H, W, D) and the JSON-serializable `result`.

    `pred` takes meta data and applied operations of the image, so that `Invertd` brings it back to the source grid.
    `result` holds the probability of each slice, whether it is blank, the volume's probabilities and the decision. A
    few slices with their maps go into `overlay` for a picture, still on the grid that the network saw.

    Args:
        threshold: probability from which a slice counts as positive.
        top_k: slices in the top-k mean of the volume.
        num_overlays: slices kept for the picture, see `spread_slices`.
        volume_threshold: highest slice probability from which the volume counts as positive; None takes `threshold`.
        keys: the entry that holds the inferer's tensor.

    Raises:
        ValueError: `pred` is not the inferer's tensor, or holds NaN or infinity.

    Example:
        >>> data = {"image": torch.rand(1, 4, 4, 2), "pred": torch.full((2, 4, 4, 2), 0.75)}
        >>> SplitPredictiond()(data)["result"]["slices"][0]
        {'slice': 0, 'probability': 0.75, 'positive': True, 'blank': False}
    """

    def __init__(
        self,
        threshold: float = 0.5,
        top_k: int = 3,
        num_overlays: int = 6,
        volume_threshold: float | None = None,
        keys: KeysCollection = names.PRED,
    ) -> None:
        super().__init__(keys)
        self.threshold = threshold
        self.volume_threshold = threshold if volume_threshold is None else volume_threshold
        self.top_k = top_k
        self.num_overlays = num_overlays

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with `pred`, `result` and `overlay`."""
        case = dict(data)
        for key in self.key_iterator(case):
            image, predicted = case[names.IMAGE], _without_meta(case[key]).cpu()
            if predicted.ndim != 4 or len(predicted) < 2:
                raise ValueError(
                    f"{key} must have SliceInferer's shape (1+K, H, W, D), got {tuple(predicted.shape)}: infer with it."
                )
            attribution, probabilities = predicted[:1], predicted[1:, 0, 0].T  # (1, H, W, D), (D, K)
            low, high = _ends(attribution)
            _require_finite(torch.cat([low.T, high.T, probabilities], dim=1), image)
            lowest_seen, highest_seen = _ends(_without_meta(image).cpu())
            # a flat map alone makes no blank slice
            blank = (lowest_seen == highest_seen).all(dim=0) & (low[0] == 0) & (high[0] == 0)
            case[key] = _with_meta_of(image, attribution)
            case[names.RESULT] = self._result_of(blank.tolist(), probabilities)
            map_range = (float(low.min()), float(high.max()))
            case[names.OVERLAY] = self._overlay_of(image, attribution, case[names.RESULT]["slices"], map_range)
        return case

    def _result_of(self, blank: Sequence[bool], probabilities: Tensor) -> dict[str, Any]:
        """Return slices and volume as plain numbers."""
        positive = foreground_probability(probabilities).tolist()
        slices = []
        for index, (row, p) in enumerate(zip(probabilities.tolist(), positive, strict=True)):
            classes = {f"probability_{k}": value for k, value in enumerate(row)} if len(row) > 1 else {}
            decision = {"positive": p >= self.threshold, "blank": blank[index]}
            slices.append({"slice": index, "probability": p, **classes, **decision})
        return {
            "slices": slices,
            "volume": volume_probability(positive, self.top_k),
            "positive": max(positive) >= self.volume_threshold,
            "positive_if": "volume max >= volume_threshold",
            "threshold": self.threshold,
            "volume_threshold": self.volume_threshold,
        }

    def _overlay_of(
        self, image: Any, attribution: Tensor, slices: Sequence[Mapping[str, Any]], map_range: tuple[float, float]
    ) -> dict[str, Any]:
        """Return slices for the picture, as `case_picture` takes them."""
        index = spread_slices([row["probability"] for row in slices], self.threshold, self.num_overlays)
        return {
            "index": index,
            "image": _without_meta(image).cpu()[..., index].permute(3, 0, 1, 2).float().numpy(),
            "map": attribution[0][..., index].permute(2, 0, 1).numpy(),
            "map_range": map_range,
            "affine": _known_affine(image),
        }


def spread_slices(probabilities: Sequence[float], threshold: float, count: int) -> list[int]:
    """Return the indices of at most `count` slices: spread evenly over the positive ones, then over the others.

    The slice with the highest probability is always there.

    Args:
        probabilities: of the slices, in their order.
        threshold: probability from which a slice is positive.
        count: at least 1.

    Example:
        >>> spread_slices([0.1, 0.2, 0.8, 0.7, 0.9, 0.6, 0.6, 0.1], 0.5, 3)
        [2, 4, 6]
        >>> spread_slices([0.1, 0.9, 0.2, 0.1, 0.2], 0.5, 3)
        [0, 1, 4]
    """
    values = np.asarray(probabilities)
    first = int(values.argmax())
    positive, others = np.flatnonzero(values >= threshold), np.flatnonzero(values < threshold)
    chosen = [*_evenly(positive, count), *_evenly(others, count - min(count, len(positive)))]
    if first not in chosen:
        chosen[int(np.abs(np.array(chosen) - first).argmin())] = first
    return sorted(chosen)


def _evenly(indices: NDArray, count: int) -> list[int]:
    """Return at most `count` of the indices, the ends among them; a single one is the middle."""
    if count == 1:
        return [int(index) for index in indices[len(indices) // 2 :][:1]]
    places = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    return [int(index) for index in indices[np.rint(places).astype(int)]]


def _known_affine(image: Any) -> NDArray | None:
    """Return the affine of a raster, None where its place in the body is not known: no guess about left and right."""
    meta = getattr(image, "meta", {})
    is_coded = any(meta.get(code, 1) for code in ("qform_code", "sform_code")) and not meta.get("no_orientation")
    if not isinstance(image, MetaTensor) or not is_coded or is_slice_image(str(meta.get("filename_or_obj", ""))):
        return None
    return np.asarray(image.affine, dtype=np.float64)


def _require_finite(values: Tensor, image: Any) -> None:
    """Refuse NaN, which is below every threshold and would pass for a negative, in (D, n) values of the slices."""
    bad = (~values.isfinite()).any(dim=1).nonzero().flatten().tolist()
    if bad:
        file = getattr(image, "meta", {}).get("filename_or_obj", "case")
        raise ValueError(
            f"{file}: the network must answer with finite probabilities and maps, got NaN or infinity in {len(bad)} of "
            f"{len(values)} slices, the first is slice {bad[0]}: the weights are damaged or their training diverged; "
            "take another checkpoint, or train again with a lower learning_rate."
        )


def _ends(volume: Tensor) -> tuple[Tensor, Tensor]:
    """Return (C, D) lowest and highest values of the slices of (C, H, W, D); NaN where a slice holds it."""
    return volume.amin(dim=(1, 2)), volume.amax(dim=(1, 2))


def _with_meta_of(image: Any, attribution: Tensor) -> MetaTensor:
    if not isinstance(image, MetaTensor):
        return MetaTensor(attribution)
    return MetaTensor(attribution, meta=image.meta, applied_operations=image.applied_operations)


def _without_meta(tensor: Any) -> Tensor:
    return tensor.as_tensor() if isinstance(tensor, MetaTensor) else torch.as_tensor(tensor)
