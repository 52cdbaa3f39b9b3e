"""Files of one study, and the volumes that a network reads of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bundle.clinic.choose_series import NoMatch, choose_contrasts, choose_named, choose_series
from bundle.clinic.study_network import StudyNetwork
from bundle.dicom import CaseNames, NothingReadable, Stack, find_stacks, read_headers
from bundle.dicom.account import aside_line, entries_of, folders_of, name_rows
from bundle.dicom.channels import write_channels
from bundle.dicom.contrasts import Channel
from bundle.dicom.mask_files import Written
from bundle.dicom.stack_files import write_stack

_BURNED = "burned_in"


@dataclass(frozen=True)
class Selection:
    """Choice of what is read of a study.

    Args:
        numbers: Series Numbers that may be read; None allows all.
        rules: of contrasts, see `bundle.dicom.contrasts.read_rules`.
        may_show_names: read series with text burned into their pixels too.
        named: Series Instance UIDs that may be read as a channel, by its name; None lets the rules choose.
    """

    numbers: Sequence[str] | None = None
    rules: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    may_show_names: bool = False
    named: Mapping[str, Collection[str]] | None = None


class StudyVolumes(NamedTuple):
    """Volumes that a network reads, on the grid of the first stack.

    Args:
        stacks: in the order of the channels.
        files: NIfTI, one a channel.
        account: content of ``study.json``.
        warnings: of the registration of contrasts.
        inputs_sha256: by the name of the series.
    """

    stacks: list[Stack]
    files: list[Path]
    account: dict[str, Any]
    warnings: list[str]
    inputs_sha256: dict[str, str]


@dataclass(frozen=True)
class StudyFiles:
    """Stacks of one study, and what was set aside.

    Args:
        case: name of the study.
        stacks: also those that are refused.
        set_aside: entries for ``study.json``.
        chosen: stacks that the network reads, known once its volumes are written.
    """

    case: str
    stacks: list[Stack]
    set_aside: list[dict[str, Any]]
    chosen: list[Stack] = field(default_factory=list)

    def write_volumes(self, folder: Path, network: StudyNetwork, selection: Selection) -> StudyVolumes:
        """Choose what the network reads, and write it.

        Args:
            folder: to make.
            network: whose channels and direction of slices decide.
            selection: what the user chose.

        Raises:
            NoMatch: there is nothing that it reads, or more than one.
            FileProblem: pixels are damaged, or contrasts cannot be brought onto one grid.
        """
        folder.mkdir()
        channels = self._choice(network, selection)
        self.chosen[:] = [one.stack for one in channels]
        written = [
            Written(one.stack, place := folder / str(number), write_stack(one.stack, place))
            for number, one in enumerate(channels)
        ]
        joined = write_channels(channels, written, folder) if len(channels) > 1 else []
        files = [folder / entry["file"] for entry in joined] or [written[0].folder / "volume.nii"]
        return StudyVolumes(
            [one.stack for one in written],
            files,
            self.account(written, joined),
            [*self._refused(), *(f"{one['name']}: {one['warning']}." for one in joined if one.get("warning"))],
            {f"{one.stack.planes[0].label}, {one.folder.name}": one.entry["inputs_sha256"] for one in written},
        )

    def _choice(self, network: StudyNetwork, selection: Selection) -> list[Channel]:
        """Return the stacks that the network reads, in the order of its channels."""
        allowed = self.stacks if selection.may_show_names else [one for one in self.stacks if _BURNED not in one.flags]
        if len(allowed) < len(self.stacks) and not allowed:
            raise NoMatch(
                "no series may be read, as text is burned into the pixels, maybe a name: --identify allows it."
            )
        names = [name.lower() for name in network.channels]
        if selection.named is not None:
            return choose_named(allowed, names, selection.named, network.axcodes, network.modalities)
        if network.in_channels == 1 and (selection.numbers or names[0] not in selection.rules):
            only = choose_series(allowed, network.axcodes, selection.numbers, network.modalities)
            return [Channel(names[0], only, {})]
        channels = choose_contrasts(allowed, names, selection.rules, selection.numbers)
        choose_series([channels[0].stack], network.axcodes)  # its slices are those of the network
        return channels

    def _refused(self) -> Iterator[str]:
        """Yield that a series was refused: it may be the one that was meant."""
        texts = [stack.problems[0].text for stack in self.stacks if stack.problems]
        texts += [entry["reason"] for entry in self.set_aside if entry["kind"] == "refused"]
        yield from (f"A series of this study could not be read: {text}" for text in texts)

    def account(self, written: Sequence[Written] = (), channels: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """Return the content of ``study.json``: every series is read, refused or set aside, with the reason.

        Args:
            written: stacks that were read.
            channels: of which contrast each is.
        """
        read = [one.stack for one in written]
        left = [stack for stack in self.stacks if not any(stack is one for one in read)]
        return {
            "case": self.case,
            "volumes": [_volume_entry(one) for one in written],
            "channels": [
                {key: entry[key] for key in entry if key not in ("file", "checkerboard")} for entry in channels
            ],
            "refused": [
                {"name": stack.planes[0].label, "problems": [problem.text for problem in stack.problems]}
                for stack in left
                if stack.problems
            ],
            "set_aside": [*self.set_aside, *(self._not_read(stack) for stack in left if not stack.problems)],
        }

    def _not_read(self, stack: Stack) -> dict[str, Any]:
        reason = "the reading failed" if any(stack is one for one in self.chosen) else "not chosen"
        return {"kind": "set aside", "name": stack.planes[0].label, "reason": reason, "files": len(stack.planes)}


def studies_in(folders: Sequence[Path], names: CaseNames) -> Iterator[StudyFiles]:
    """Yield the studies of folders.

    Args:
        folders: with DICOM files at any depth.
        names: of cases; its table is written.

    Raises:
        NothingReadable: the folders hold no stack of slices at all.
    """
    headers = read_headers(*folders)
    stacks, asides = find_stacks(headers)
    studies = list(dict.fromkeys([*(s.planes[0].study for s in stacks), *(a.study for a in asides if a.study)]))
    if not stacks:
        lines = [aside_line(entry) for entry in entries_of(asides, names)]
        raise NothingReadable("\n".join(["the folder must hold a DICOM volume, got none:", *lines]))
    names.keep(list(name_rows(names, studies, headers, asides)))
    for study in studies:
        mine = [stack for stack in stacks if stack.planes[0].study == study]
        others = [aside for aside in asides if aside.study in (study, None)]
        yield StudyFiles(names.of_study(study), mine, entries_of(others, names, folders_of(study, headers.planes)))


def _volume_entry(one: Written) -> dict[str, Any]:
    plane = one.stack.planes[0]
    return {"name": plane.label, "series_instance_uid": plane.series, **one.entry, "flags": one.stack.flags}
