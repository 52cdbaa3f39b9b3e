"""Overlay that adapts a packed run to another hospital: what it may set, and what the bundle tells of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from bundle.files import read_json
from bundle.keys import ADAPTATION
from bundle.packing.checks import require_own_adaptation
from bundle.workflow.knobs import names


def adapted_settings(
    overlay: str | os.PathLike[str], inference: Mapping[str, Any], metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of an overlay that changes only how the answers of the network are read off.

    Args:
        overlay: YAML or JSON file, such as `adapted.yaml` of `scripts/adapt.py`.
        inference: the packed inference.json.
        metrics: metrics.json of the run that is packed.

    Raises:
        ValueError: it sets something else, or a calibration that was fitted to other networks.
    """
    content: dict[str, Any] = ConfigParser.load_config_file(str(overlay))
    if others := sorted(content.keys() - (names("evaluation") & inference.keys())):
        raise ValueError(
            f"{overlay} must set evaluation knobs of inference.json alone, got {', '.join(others)}: what the weights "
            "were trained with comes from the run."
        )
    if content.get("score_calibration"):
        require_own_adaptation(overlay, metrics)
    return content


def adaptation_facts(overlay: str | os.PathLike[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what metadata.json keeps of an adaptation: when it was made, of how many scans, how many of them labeled.

    Args:
        overlay: file by `scripts/adapt.py`, beside which `adaptation.json` tells it.
        settings: content of the overlay.

    Returns:
        Nothing for an overlay that calibrates nothing; None for what the file does not tell.

    Example:
        >>> adaptation_facts("no/adapted.yaml", {"score_calibration": {"bias": 1.0}})
        {'adaptation': {'made': None, 'scans': None, 'labeled': None}}
    """
    if not settings.get("score_calibration"):
        return {}
    record = read_json(Path(overlay).with_name("adaptation.json"), {})
    return {ADAPTATION: {name: record.get(name) for name in ("made", "scans", "labeled")}}
