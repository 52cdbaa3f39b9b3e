"""Split of the inferer's output into an invertible map and a JSON-serializable result."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from torch import Tensor

from bundle import keys as names
from bundle.metrics import foreground_probability, volume_probability


class SplitPredictiond(MapTransform):
    """Split `pred` (1+K, H, W, D) into the attribution `pred` (1, H, W, D) and the JSON-serializable `result`.

    `pred` takes meta data and applied operations of the image, so that `Invertd` brings it back to the source grid.
    `result` holds the probability of each slice, whether it is blank, the volume's probabilities and the decision. A
    few slices with their maps go into `overlay` for a picture, still on the grid that the network saw.

    Args:
        threshold: probability from which a slice counts as positive.
        top_k: slices in the top-k mean of the volume.
        num_overlays: slices kept for the picture, those of highest probability.
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
            _require_finite(predicted, image)
            attribution, probabilities = predicted[:1], predicted[1:, 0, 0].T  # (1, H, W, D), (D, K)
            seen = _without_meta(image).cpu()
            # a flat map alone makes no blank slice
            blank = _is_constant(seen) & (attribution == 0).flatten(0, 2).all(dim=0)
            case[key] = _with_meta_of(image, attribution)
            case[names.RESULT] = self._result_of(blank.tolist(), probabilities)
            case[names.OVERLAY] = self._overlay_of(seen, attribution, probabilities)
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

    def _overlay_of(self, image: Tensor, attribution: Tensor, probabilities: Tensor) -> dict[str, Any]:
        """Return the slices of highest probability, in their order: index (n,), image (n, C, H, W), map (n, H, W)."""
        depth = attribution.shape[-1]
        top = foreground_probability(probabilities).topk(min(self.num_overlays, depth)).indices.sort().values
        return {
            "index": top.tolist(),
            "image": image[..., top].permute(3, 0, 1, 2).float().numpy(),
            "map": attribution[0][..., top].permute(2, 0, 1).numpy(),
        }


def _require_finite(predicted: Tensor, image: Any) -> None:
    """Refuse NaN, which is below every threshold and would pass for a negative."""
    bad = (~predicted.isfinite()).flatten(0, 2).any(dim=0).nonzero().flatten().tolist()
    if bad:
        file = getattr(image, "meta", {}).get("filename_or_obj", "case")
        raise ValueError(
            f"{file}: the network must answer with finite probabilities and maps, got NaN or infinity in {len(bad)} of "
            f"{predicted.shape[-1]} slices, the first is slice {bad[0]}: the weights are damaged or their training "
            "diverged; take another checkpoint, or train again with a lower learning_rate."
        )


def _is_constant(image: Tensor) -> Tensor:
    """Return (D,) booleans: in which slices of (C, H, W, D) every channel has one value only."""
    pixels = image.flatten(1, 2)  # (C, H * W, D)
    return (pixels.amax(dim=1) == pixels.amin(dim=1)).all(dim=0)


def _with_meta_of(image: Any, attribution: Tensor) -> MetaTensor:
    if not isinstance(image, MetaTensor):
        return MetaTensor(attribution)
    return MetaTensor(attribution, meta=image.meta, applied_operations=image.applied_operations)


def _without_meta(tensor: Any) -> Tensor:
    return tensor.as_tensor() if isinstance(tensor, MetaTensor) else torch.as_tensor(tensor)
