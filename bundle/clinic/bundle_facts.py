"""Facts about a packed bundle: whether it is one, what its network reads, where its thresholds and colors come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from bundle.dicom.contrasts import read_rules
from bundle.files import read_json
from bundle.metrics import relative_position

_NEEDED = {"network_def", "network", "in_channels", "num_classes", "orientation", "preprocessing", "slice_transform"}
_NEEDED |= {"inferer", "postprocessing", "device", "amp", "threshold", "map_scale"}
_ANSWERED_BY = ("test_time_flip", "ensemble", "slice_smoothing", "slice_position", "score_calibration", "finding_rule")
_MODALITIES = {"CT", "MR", "PT"}
_ORIGINS = {
    "validation": "Thresholds were chosen on validation patients.",
    "given": "The threshold was set by hand, not chosen on patients.",
    "default": "The threshold is 0.5, not chosen on patients.",
}


def answer_settings(root: Path) -> dict[str, Any]:
    """Return what a bundle does between the logits of its networks and the answer, by the names of inference.json.

    Args:
        root: folder of an unpacked bundle.

    Raises:
        OSError: it has no inference.json.
    """
    config = read_json(root / "configs" / "inference.json")
    return {name: config.get(name) for name in _ANSWERED_BY}


def require_entries(config: Mapping[str, Any], file: Path) -> None:
    """Refuse the config of a bundle of another kind.

    Args:
        config: of inference.
        file: that holds it.

    Raises:
        ValueError: it lacks entries that reading a study needs.

    Example:
        >>> require_entries(dict.fromkeys(_NEEDED - {"orientation"}), Path("inference.json"))
        Traceback (most recent call last):
        ValueError: inference.json must be of a bundle of scripts/pack_bundle.py, got no orientation: give --bundle.
    """
    if missing := sorted(_NEEDED - config.keys()):
        found = f"got no {', '.join(missing)}"
        raise ValueError(f"{file} must be of a bundle of scripts/pack_bundle.py, {found}: give --bundle.")


def modalities_of(image: Mapping[str, Any], channels: Collection[str]) -> set[str]:
    """Return the modalities that a network reads: by the names of its channels, else those that metadata.json names.

    Args:
        image: entry of the image in metadata.json.
        channels: their names.

    Example:
        >>> modalities_of({"modality": "MR or CT"}, ["CT"]), modalities_of({"modality": "MR or CT"}, ["FLAIR"])
        ({'CT'}, {'MR'})
        >>> sorted(modalities_of({"modality": "MR or CT"}, ["channel 0"]))
        ['CT', 'MR']
    """
    if named := _MODALITIES & {name.upper() for name in channels}:
        return named
    if {name.lower() for name in channels} <= read_rules().keys():  # contrasts of MR
        return {"MR"}
    return _MODALITIES & set(str(image.get("modality", "")).split())


def threshold_source(profile: Mapping[str, Any], threshold: float, adaptation: Mapping[str, Any] | None = None) -> str:
    """Return where the thresholds come from, and whether the probabilities were adapted, for people.

    Args:
        profile: of the training data.
        threshold: of the bundle's config; an adapted or edited one is not the one whose origin was kept.
        adaptation: of the probabilities to another hospital, empty where nothing is known of it; None without one.

    Example:
        >>> threshold_source({}, 0.4, {"made": "2026-01-02T03:04:05+00:00", "scans": 8, "labeled": 1})
        'Probabilities and thresholds were adapted on 2026-01-02 to 8 scans of another hospital, 1 of them labeled.'
    """
    origin = profile.get("threshold_from") if profile.get("threshold") == threshold else None
    chosen = _ORIGINS.get(str(origin), "It is not known where the thresholds come from.")
    if adaptation is None:
        return chosen
    labeled, day = adaptation.get("labeled"), str(adaptation.get("made") or "")[:10]
    when = f" on {day}" if day else ""
    count = adaptation.get("scans")
    scans = f"{count} scan{'s' * (count != 1)}" if count else "scans"
    if labeled:
        told = f"{scans} of another hospital, {labeled} of them labeled"
        return f"Probabilities and thresholds were adapted{when} to {told}."
    without = ", none of them labeled" if labeled == 0 else ""
    return f"{chosen} After that the probabilities were adapted{when} to {scans} of another hospital{without}."


def position_alone(
    profile: Mapping[str, Any], slices: Sequence[Mapping[str, Any]], planes: Sequence[int]
) -> NDArray | None:
    """Return (D, 1) what the position of each slice alone would say; None where it is not known.

    Args:
        profile: of the training data.
        slices: of the result, in the order of the network.
        planes: index of each in the stack.

    Example:
        >>> alone = position_alone({"position_parabola": [0.0, 2.0]}, [{"slice": 0}, {"slice": 1}], [1, 0])
        >>> alone[:, 0].round(2).tolist()
        [0.88, 0.12]
    """
    parabola = profile.get("position_parabola")
    if not parabola:
        return None
    centered = 2 * relative_position(np.zeros(len(planes)), [row["slice"] for row in slices]) - 1
    alone = np.empty((len(planes), 1))
    alone[list(planes), 0] = expit(np.polynomial.Polynomial(parabola)(centered))
    return alone


def scaled_map(pred: ArrayLike, ends: Sequence[float]) -> NDArray:
    """Return a map between the ends of its color scale, cut to 0..1; float32 values are changed where they lie.

    Args:
        pred: (1, H, W, D).
        ends: values that become 0 and 1.

    Returns:
        (H, W, D) float32.

    Example:
        >>> scaled_map(np.array([[[[0.5, 2.0, 4.0]]]]), (1, 3)).tolist()
        [[[0.0, 0.5, 1.0]]]
    """
    values, (low, high) = np.asarray(pred, dtype=np.float32)[0], ends
    values -= np.float32(low)
    values /= np.float32(max(high - low, float(np.finfo(np.float32).tiny)))
    return np.clip(values, 0, 1, out=values)
