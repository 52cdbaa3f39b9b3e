"""Answer of a model for people: of each class, how sure, and its findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bundle.reports.key_slice import slice_name
from bundle.reports.probability_chart import runs_of
from bundle.reports.slice_display import place_in_patient
from bundle.reports.tables import ABSENT, capped, told_apart

if TYPE_CHECKING:
    from bundle.dicom import Reading

CLOSE = 0.05
"""Distance of a probability from its threshold up to which the answer is called open."""
_RUNS = 4
_SMALL_ML = 0.05
"""Volume below which two decimals say little or nothing."""
_WORDS = ("Present", "Absent")


def answers(reading: Reading) -> list[dict[str, Any]]:
    """Return what is said of each class, those that are present first, then by probability.

    Args:
        reading: of a stack.
    """
    found = [
        {
            "index": index,
            "name": name,
            "present": reading.present[index],
            "probability": float(reading.volume_probability[index]),
            "threshold": float(reading.volume_threshold[index]),
            "shown": told_apart(float(reading.volume_probability[index]), float(reading.volume_threshold[index])),
            "position": None if reading.position is None else float(reading.position[:, index].max()),
            "positive": _slices_text(reading.probability[:, index] >= reading.threshold[index]),
            "top": int(np.argmax(reading.probability[:, index])) + 1,
        }
        for index, name in enumerate(reading.classes)
    ]
    return sorted(found, key=lambda answer: (not answer["present"], -answer["probability"]))


def headline(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the answer in a line.

    Args:
        found: see `answers`.

    Example:
        >>> headline([{"name": "lesion", "present": True}])
        'lesion: present'
        >>> headline([{"name": "cyst", "present": True}, {"name": "stone", "present": False}])
        'Present: cyst. Absent: stone'
    """
    if len(found) == 1:
        return f"{found[0]['name']}: {'present' if found[0]['present'] else 'absent'}"
    groups = {word: [answer["name"] for answer in found if answer["present"] is (word == "Present")] for word in _WORDS}
    return ". ".join(f"{word}: {capped(names, 4)}" for word, names in groups.items() if names)


def how_sure(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return sentences on answers that a small change would turn.

    Args:
        found: see `answers`.

    Example:
        >>> how_sure([{"name": "lesion", "probability": 0.51, "threshold": 0.5}])
        ['lesion: the probability is within 0.05 of its threshold; take the answer as open.']
    """
    close = [answer["name"] for answer in found if abs(answer["probability"] - answer["threshold"]) < CLOSE]
    return [f"{name}: the probability is within {CLOSE} of its threshold; take the answer as open." for name in close]


def finding_rows(reading: Reading) -> list[dict[str, Any]]:
    """Return the findings in their order, a row of the table each.

    Args:
        reading: of a stack; slices are counted in the order of its planes.
    """
    rows = []
    for finding in reading.findings:
        number, key = int(finding["finding"]), int(finding["key_source_slice"])
        first, last = reading.slices_of.get(number, (key, key))
        center = finding.get("centroid_lps_mm")
        extent, volume = finding.get("extent_mm"), finding.get("volume_ml")
        rows.append(
            {
                "number": number,
                "key": key,
                "first": first,
                "last": last,
                "score": f"{finding['score']:.2f}",
                "slices": _range_text(first, last),
                "key_slice": slice_name(reading, key),
                "diameter": _number(finding.get("diameter_mm"), ".0f"),
                "extent": ABSENT if extent is None else " x ".join(f"{length:.0f}" for length in extent),
                "volume": ABSENT if volume is None else _volume_text(volume),
                "place": ABSENT if center is None else place_in_patient(np.asarray(center)),
            }
        )
    return rows


def _slices_text(inside: Any) -> str:
    if not inside.any():
        return "none"
    return f"{int(inside.sum())} of {len(inside)}: {capped((_range_text(*run) for run in runs_of(inside)), _RUNS)}"


def _range_text(first: int, last: int) -> str:
    return f"{first + 1}" if first == last else f"{first + 1} to {last + 1}"


def _volume_text(volume_ml: float) -> str:
    if volume_ml >= _SMALL_ML:
        return f"{volume_ml:.2f}"
    return np.format_float_positional(volume_ml, 1, fractional=False, trim="-")


def _number(value: float | None, form: str) -> str:
    return ABSENT if value is None else format(value, form)
