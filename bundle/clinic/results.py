"""Files of a study that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bundle.clinic.study_network import StudyNetwork
from bundle.dicom import Reading
from bundle.dicom.objects import write_objects
from bundle.dicom.uids import uid_problems
from bundle.files import write_csv, write_json
from bundle.handlers.case_findings import write_findings
from bundle.keys import FINDINGS, RESULT
from bundle.reports import key_slice_picture, write_study_report

_ANSWER = ("probability", "positive", "blank")
_CAPTURES = 3
"""Key slices that become pictures for a PACS that shows nothing else."""


def write_results(
    folder: Path,
    reading: Reading,
    found: Mapping[str, Any],
    images: NDArray,
    account: Mapping[str, Any],
    network: StudyNetwork,
) -> None:
    """Write ``slices.csv``, ``findings.json``, ``findings.nii.gz``, ``study.json``, ``report.html`` and ``dicom/``.

    The latter not where no archive would file it, of which the reading warns.

    Args:
        folder: of the study.
        reading: what the network says.
        found: see `StudyNetwork.read`.
        images: (columns, rows, D), the volume that was read.
        account: content of ``study.json``.
        network: that read it.
    """
    write_csv(folder / "slices.csv", _slice_rows(reading, found[RESULT]["slices"]))
    write_findings(folder, _counted_in_stack(found))
    write_json(folder / "study.json", account)
    shown = key_slices(reading)
    pictures = {index: key_slice_picture(reading, images, index) for index in shown}
    if not any(uid_problems([reading.stack, *reading.further])):
        write_objects(reading, folder / "dicom", pictures)
    write_study_report(folder / "report.html", reading, images, account, network.metadata)


def key_slices(reading: Reading) -> list[int]:
    """Return the slices of the first findings, or the top slice where nothing was found."""
    findings = sorted(reading.findings, key=lambda finding: -float(finding["score"]))
    slices = dict.fromkeys(int(finding["key_source_slice"]) for finding in findings)
    return list(slices)[:_CAPTURES] or [reading.top_slice]


def _counted_in_stack(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case whose findings count slices as `slices.csv` does; the network may have seen them the other way."""
    if FINDINGS not in found:
        return dict(found)
    rows, content = found[RESULT]["slices"], found[FINDINGS]
    findings = []
    for finding in content["findings"]:
        first, last, key = (rows[finding[f"{name}_slice"]]["source_slice"] for name in ("first", "last", "key"))
        ends = {"first_slice": min(first, last), "last_slice": max(first, last), "key_slice": key}
        findings.append({**finding, **ends})
    ordered = sorted(rows, key=lambda row: row["source_slice"])
    result = {**found[RESULT], "slices": ordered}
    return {**found, RESULT: result, FINDINGS: {**content, "findings": findings}}


def _slice_rows(reading: Reading, slices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each plane; of several classes with the probability of each."""
    of_plane = {row["source_slice"]: row for row in slices}
    rows = []
    for index, (plane, place) in enumerate(zip(reading.stack.planes, reading.stack.positions, strict=True)):
        found = of_plane[index]
        answer = {name: value for name, value in found.items() if name.startswith(_ANSWER)}
        where = {"slice_index": index, "sop_instance_uid": plane.uid, "frame": plane.frame, "position_mm": float(place)}
        rows.append({**where, **answer})
    return rows
