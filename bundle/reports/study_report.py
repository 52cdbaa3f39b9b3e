"""Report of a study for people: one HTML page that needs no other file and no script, prints on two sheets."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bundle.files import write_atomically
from bundle.reports.html_report import data_url, page_template
from bundle.reports.key_slice import RESEARCH_ONLY, key_slice_tiles, slice_name, window_of
from bundle.reports.probability_chart import probability_chart
from bundle.reports.slice_display import DisplayPlane
from bundle.reports.study_account import left_out, model_facts, volume_rows
from bundle.reports.study_answer import answers, finding_rows, headline, how_sure
from bundle.reports.tables import capped

if TYPE_CHECKING:
    from bundle.dicom import Reading

_CHARTS, _ROWS, _PICTURES, _LINES = 2, 8, 3, 8
"""Entries that are shown, so that two sheets hold them; of the others the number."""
_STYLE = Path(__file__).with_name("study_report.css")


def write_study_report(
    path: str | os.PathLike[str],
    reading: Reading | None,
    images: NDArray | None,
    account: Mapping[str, Any],
    about: Mapping[str, Any],
    reason: str = "",
) -> Path:
    """Write `report.html` of a study: the answer, the slices, the findings, what was read, and the model.

    Args:
        path: the file.
        reading: answer of the model; None where nothing could be read.
        images: (columns, rows, D), the volume that was read; None without a reading.
        account: content of `study.json`.
        about: content of the bundle's `metadata.json`.
        reason: sentence that says why there is no reading.

    Returns:
        `path`.

    Raises:
        ValueError: the volume is not that of the reading.
        OSError: of the file system.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_study_report(Path(folder) / "report.html", None, None, {"case": "case_1"}, {}).read_text()
        >>> "No answer" in page, "Research only, not for diagnosis" in page
        (True, True)
    """
    page = study_report(reading, images, account, about, reason)
    return write_atomically(path, lambda part: part.write_text(page, encoding="utf-8"))


def study_report(
    reading: Reading | None,
    images: NDArray | None,
    account: Mapping[str, Any],
    about: Mapping[str, Any],
    reason: str = "",
) -> str:
    """Return the page, see `write_study_report`.

    Args:
        reading: answer of the model.
        images: the volume that was read.
        account: content of `study.json`.
        about: content of the bundle's `metadata.json`.
        reason: sentence that says why there is no reading.
    """
    style = _STYLE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    excluded = left_out(account)
    return page_template("study_report.html").render(
        style=style,
        style_hash=f"'sha256-{digest}'",  # no other style and no script is let in
        research_only=RESEARCH_ONLY,
        case=account.get("case", ""),
        reason=reason,
        answer=None if reading is None or images is None else _answer(reading, images),
        volumes=_capped(volume_rows(account, reading), _LINES),
        left_out=_capped(excluded, _LINES),
        model=model_facts(about, reading),
    )


def _answer(reading: Reading, images: NDArray) -> dict[str, Any]:
    """Return what the page says of a reading."""
    found, rows, stack = answers(reading), finding_rows(reading), reading.stack
    plane, first = DisplayPlane(stack.affine), stack.planes[0]
    picture = cache(partial(_picture, reading, images))  # the top slice often is a key slice too
    return {
        "headline": headline(found),
        "classes": found,
        "warnings": [*how_sure(found), *reading.warnings],
        "threshold_source": reading.threshold_source,
        "series": " ".join(filter(None, (first.label, first.modality))),
        "plane": plane.name,
        "order": plane.order,
        "count": len(stack.planes),
        "top": _arranged(picture(reading.top_slice), ("image", "outline", "map")),
        "charts": _capped([_chart(reading, answer, rows) for answer in found], _CHARTS),
        "findings": _capped(rows, _ROWS),
        "has_rule": reading.has_rule,
        "key_slices": _key_slices(picture, rows),
        "has_map": reading.attribution is not None,
    }


def _chart(reading: Reading, answer: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    index = answer["index"]
    return {
        "name": answer["name"],
        **probability_chart(
            reading.probability[:, index],
            reading.threshold[index],
            list(reading.stack.positions),
            None if reading.position is None else reading.position[:, index],
            [(row["number"], row["first"], row["last"]) for row in rows],
        ),
    }


def _key_slices(picture: Callable[[int], dict[str, Any]], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the pictures of key slices; findings that share one share the pictures."""
    numbers: dict[int, list[int]] = {}
    for row in rows:
        numbers.setdefault(row["key"], []).append(row["number"])
    shown = list(numbers.items())[:_PICTURES]
    titles = ("image", "map", "outline")
    pictures = [
        {**_arranged(picture(index), titles), "of": f"Finding{'s' * (len(found) > 1)} {capped(found, _ROWS)}"}
        for index, found in shown
    ]
    return {"shown": pictures, "more": len(numbers) - len(pictures)}


def _picture(reading: Reading, images: NDArray, index: int) -> dict[str, Any]:
    """Return the tiles of a slice and the words under them."""
    return {
        "name": slice_name(reading, index),
        "number": index + 1,
        "tiles": {title: data_url(tile) for title, tile in key_slice_tiles(reading, images, index).items()},
        "window": window_of(reading, images, index).text,
    }


def _arranged(picture: Mapping[str, Any], titles: Sequence[str]) -> dict[str, Any]:
    """Return a picture with its tiles in the order of their titles."""
    tiles = picture["tiles"]
    return {**picture, "tiles": [(title, tiles[title]) for title in titles if title in tiles]}


def _capped(entries: Sequence[Any], count: int) -> dict[str, Any]:
    return {"shown": list(entries[:count]), "more": max(0, len(entries) - count)}
