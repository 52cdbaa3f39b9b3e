"""Account of a study and its model for people: what was read, what was left out and why, the model card in short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bundle.keys import ADAPTATION

if TYPE_CHECKING:
    from bundle.dicom import Reading

_SCORES = {
    "slice_f1": "F1 of slices",
    "slice_accuracy": "accuracy of slices",
    "slice_auroc": "AUROC of slices",
    "slice_average_precision": "average precision of slices",
    "slice_cohen_kappa": "Cohen's kappa of slices",
    "map_pointing_game": "map's maximum in the mask",
    "map_energy_ratio": "map's energy in the mask, over that of an even map",
}
"""Of `eval_metrics` in metadata.json."""


def volume_rows(account: Mapping[str, Any], reading: Reading | None) -> list[dict[str, Any]]:
    """Return the volumes of a study, and which of them was read.

    Args:
        account: content of `study.json`.
        reading: of one of them; None where none was.
    """
    return [
        {
            "name": volume["name"],
            "modality": volume.get("modality", ""),
            "size": " x ".join(map(str, volume.get("shape", ()))),
            "flags": list(volume.get("flags", {}).values()),
            "is_read": reading is not None and _is_of(volume, reading),
        }
        for volume in account.get("volumes", ())
    ]


def left_out(account: Mapping[str, Any]) -> list[str]:
    """Return what did not become a volume, and why.

    Args:
        account: content of `study.json`.

    Example:
        >>> left_out({"refused": [{"problems": ["series 3 must hold ..., got ..."]}], "set_aside": [
        ...     {"kind": "set aside", "name": "series 1", "reason": "scout", "files": 3}]})
        ['refused: series 3 must hold ..., got ...', 'set aside: series 1 (3 files): scout']
    """
    lines = [f"refused: {text}" for entry in account.get("refused", ()) for text in entry["problems"]]
    for entry in account.get("set_aside", ()):
        files = f" ({entry['files']} files)" if entry["files"] > 1 else ""
        lines.append(f"{entry['kind']}: {entry['name']}{files}: {entry['reason']}".rstrip(": "))
    return lines


def model_facts(about: Mapping[str, Any], reading: Reading | None) -> dict[str, str]:
    """Return the model card in short; what is not known is left out.

    Args:
        about: content of the bundle's `metadata.json`.
        reading: has the identity of the model.
    """
    image = about.get("network_data_format", {}).get("inputs", {}).get("image", {})
    scores = {_SCORES.get(name, name): value for name, value in about.get("eval_metrics", {}).items()}
    before = ", before the adaptation" if about.get(ADAPTATION) else ""
    name, version = about.get("name", ""), about.get("version", "")
    facts = {
        "model": f"{name} {version}" if reading is None else f"{reading.model.name} {reading.model.version}",
        "weights (SHA-256)": "" if reading is None else f"{reading.model.weights_sha256[:16]}...",
        "intended use": about.get("intended_use", ""),
        "task": about.get("task", ""),
        "data": about.get("data_source", ""),
        "input": ", ".join(map(str, image.get("channel_def", {}).values())),
        f"scores on test patients{before}": ", ".join(f"{title} {value:.3f}" for title, value in scores.items()),
    }
    return {title: str(value).strip() for title, value in facts.items() if str(value).strip()}


def _is_of(volume: Mapping[str, Any], reading: Reading) -> bool:
    """Return whether a volume is the stack that was read; a series may hold several."""
    stack = reading.stack
    return (
        volume.get("series_instance_uid") == stack.planes[0].series
        and tuple(volume.get("shape", ())) == stack.shape
        and np.allclose(np.asarray(volume.get("affine", np.zeros((4, 4))), dtype=np.float64), stack.affine, atol=1e-3)
    )
