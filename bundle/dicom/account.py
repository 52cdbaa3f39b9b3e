"""Account of a study: the volumes and channels that were read, and why the rest was not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.dicom.case_names import CaseNames
from bundle.volumes.dicom_series import Aside, Headers, Plane
from bundle.volumes.dicom_series.open_file import printable
from bundle.volumes.dicom_series.planes import Study


class NothingReadable(ValueError):  # noqa: N818 - an outcome
    """Error for a folder of which nothing became a volume; its text says why."""

    exit_status = 3


@dataclass(frozen=True)
class PreparedCase:
    """Outcome of one study.

    Args:
        folder: of the case.
        account: content of its ``study.json``.
    """

    folder: Path
    account: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Lines for people: what was read with its flags, what was refused, what was set aside."""
        lines = [f"{self.folder}:"]
        for volume in self.account["volumes"]:
            flags = "".join(f"\n    {kind}: {words}" for kind, words in volume["flags"].items())
            lines.append(f"  read {volume['file']}, {' x '.join(map(str, volume['shape']))}{flags}")
            for mask in volume.get("masks", ()):
                lines.append(f"    mask {mask['file']}: {mask['voxels']} voxels")
                lines += [f"      {note}" for note in mask["notes"]]
        for channel in self.account["channels"]:
            lines.append(f"  channel {channel['name']}: {channel['file']}")
            lines += [f"    warning: {channel['warning']}"] if channel.get("warning") else []
            for mask in channel.get("masks", ()):
                lines.append(f"    mask {mask['file']}: {mask['voxels']} voxels, drawn on {mask['drawn_on']}")
                lines += [f"    warning: {warning}" for warning in mask["warnings"]]
        # single images that belong to no stack are many, and what is said of them is the same
        lines += dict.fromkeys(f"  refused: {text}" for entry in self.account["refused"] for text in entry["problems"])
        return "\n".join([*lines, *map(aside_line, self.account["set_aside"])])


def entries_of(
    asides: Iterable[Aside], names: CaseNames, folders: Collection[Path] | None = None
) -> list[dict[str, Any]]:
    """Return entries of what was set aside, files of one kind together; a damaged file has its own name.

    Args:
        asides: of one study.
        names: of files.
        folders: whose files are of this study alone; a damaged file elsewhere may be of another patient, and is named
            by no path. None names all.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for aside in asides:
        may_name = names.key_file is not None or folders is None or aside.file.parent in folders
        name = names.of_file(aside.file) if aside.kind == "damaged" and may_name else aside.name
        counts[aside.kind, name, aside.reason] += 1
    return [
        {"kind": kind, "name": name, "reason": reason, "files": count} for (kind, name, reason), count in counts.items()
    ]


def folders_of(study: Study, planes: Iterable[Plane]) -> set[Path]:
    """Return the folders that hold images of one study and of no other.

    Args:
        study: whose they are.
        planes: of all studies.
    """
    owners: dict[Path, set[Study]] = defaultdict(set)
    for plane in planes:
        owners[plane.file.parent].add(plane.study)
    return {folder for folder, studies in owners.items() if studies == {study}}


def aside_line(entry: Mapping[str, Any]) -> str:
    """Return a line for people.

    Args:
        entry: see `entries_of`.
    """
    count = f" ({entry['files']} files)" if entry["files"] > 1 else ""
    return f"  {entry['kind']}: {entry['name']}{count}: {entry['reason']}".rstrip(": ")


def name_rows(
    names: CaseNames, studies: Iterable[Study], headers: Headers, asides: Iterable[Aside]
) -> Iterator[dict[str, str]]:
    """Yield rows of the table of names, see `CaseNames.keep`.

    Args:
        names: of cases and files.
        studies: whose names are kept.
        headers: of the folder.
        asides: of the folder; a damaged file has a name too.
    """
    for study in studies:
        yield {
            "name": names.of_study(study),
            "patient_id": study.patient,
            "patient_name": headers.names.get(study, ""),
            "study_instance_uid": study.uid,
        }
    for aside in asides:
        if aside.kind == "damaged":
            yield {"name": names.of_file(aside.file), "file": printable(aside.file.absolute())}
