"""The series of a study that a network reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import nibabel as nib

from bundle.dicom import Stack
from bundle.dicom.contrasts import Channel, choose_channels
from bundle.volumes import FileProblem

_DIRECTIONS = ("sagittal", "coronal", "axial")


class NoMatch(ValueError):  # noqa: N818 - an outcome
    """Error for a study in which no series, or more than one, is what the network reads; its text says why."""


def choose_series(
    stacks: Sequence[Stack],
    axcodes: str | None = "PLS",
    numbers: Sequence[str] | None = None,
    modalities: Collection[str] = (),
) -> Stack:
    """Return the stack of a study that a network reads.

    Only stacks without problems whose slices are the network's can be read: slices of another direction look unlike
    those of the training.

    Args:
        stacks: of the study.
        axcodes: orientation of the network's volumes; None reads slices of any direction.
        numbers: Series Numbers of the stacks that may be chosen; None allows all.
        modalities: that the network reads, as in ``"CT"``; none named allows all.

    Raises:
        NoMatch: there is not exactly one; names those that there are.

    Example:
        >>> choose_series([])
        Traceback (most recent call last):
        bundle.clinic.choose_series.NoMatch: the study must hold one series of axial slices, got none.
    """
    direction = "" if axcodes is None else f"{_direction_of(axcodes[-1])} "
    wanted = f"the study must hold one {' or '.join(sorted(modalities))} series of {direction}slices".replace("  ", " ")
    if numbers:
        wanted += f" with the number {' or '.join(numbers)}"
    readable = [stack for stack in stacks if not stack.problems]
    fitting = [stack for stack in readable if axcodes is None or _direction(stack) == _direction_of(axcodes[-1])]
    fitting = [stack for stack in fitting if not modalities or stack.planes[0].modality in modalities]
    chosen = [stack for stack in fitting if not numbers or stack.planes[0].number in numbers]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        remedy = (
            "choose one by --series" if len({stack.planes[0].number for stack in chosen}) > 1 else "export one alone"
        )
        raise NoMatch(f"{wanted}, got {len(chosen)}: {_listed(chosen)}: {remedy}.")
    others = f"; it has {_listed(readable)}" if readable else ""
    raise NoMatch(f"{wanted}, got none{others}.")


def choose_contrasts(
    stacks: Sequence[Stack],
    names: Sequence[str],
    rules: Mapping[str, Sequence[Mapping[str, Any]]],
    numbers: Sequence[str] | None = None,
) -> list[Channel]:
    """Return the stack of each channel of a network that reads several contrasts, in the order of its channels.

    Args:
        stacks: of the study.
        names: contrasts, as the rules name them; the first gives the grid.
        rules: see `bundle.dicom.contrasts.read_rules`.
        numbers: Series Numbers of the stacks that may be chosen; None allows all.

    Raises:
        NoMatch: the rules do not know a contrast, or find none or several series for it.

    Example:
        >>> choose_contrasts([], ["adc"], {"t1": []})
        Traceback (most recent call last):
        bundle.clinic.choose_series.NoMatch: the rules must know the contrasts adc, got rules for t1: give --contrasts.
    """
    if unknown := [name for name in names if name not in rules]:
        raise NoMatch(
            f"the rules must know the contrasts {', '.join(unknown)}, got rules for {', '.join(rules)}: "
            "give --contrasts."
        )
    allowed = [stack for stack in stacks if not numbers or stack.planes[0].number in numbers]
    try:
        found = {channel.name: channel for channel in choose_channels(allowed, rules, names)}
    except FileProblem as error:
        raise NoMatch(f"{error}{' --series chooses one without rules.' * (len(names) == 1)}") from error
    return [found[name] for name in names]


def choose_named(
    stacks: Sequence[Stack],
    names: Sequence[str],
    series: Mapping[str, Collection[str]],
    axcodes: str | None = "PLS",
    modalities: Collection[str] = (),
) -> list[Channel]:
    """Return the stack of each channel of a network, of series that somebody else chose, in the order of the channels.

    Args:
        stacks: of the study.
        names: of the channels; the first gives the grid.
        series: Series Instance UIDs that were chosen for a channel, by its name.
        axcodes: orientation of the network's volumes; None reads slices of any direction.
        modalities: that the network reads; none named allows all.

    Raises:
        NoMatch: there is not exactly one stack for a channel that can be read, it is that of another channel, or the
            network does not read it.

    Example:
        >>> choose_named([], ["flair"], {"t1": ["1.2.3"]})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        bundle.clinic.choose_series.NoMatch: the selection flair must be one series that can be read, got none; ...
    """
    channels: list[Channel] = []
    for name in names:
        chosen = [stack for stack in stacks if stack.planes[0].series in series.get(name, ())]
        readable = [stack for stack in chosen if not stack.problems]
        if len(readable) != 1:
            others = "" if chosen else f"; selected were {', '.join(key for key in series if series[key]) or 'none'}"
            remedy = "correct its rules." if readable or not chosen else chosen[0].problems[0].text
            raise NoMatch(
                f"the selection {name} must be one series that can be read, got {_listed(readable) or 'none'}{others}: "
                f"{remedy}"
            )
        if twice := [one.name for one in channels if one.stack is readable[0]]:
            raise NoMatch(
                f"the selections {twice[0]} and {name} must be two series, got {_listed(readable)} twice: mend them."
            )
        choose_series(readable, None if channels else axcodes, None, modalities)
        channels.append(Channel(name, readable[0], {}))
    return channels


def _direction_of(letter: str) -> str:
    return _DIRECTIONS[next(index for index, letters in enumerate(("LR", "PA", "IS")) if letter in letters)]


def _direction(stack: Stack) -> str:
    return _direction_of(nib.orientations.aff2axcodes(stack.affine)[2])


def _listed(stacks: Sequence[Stack]) -> str:
    """Return a line that tells series apart without a word of their patient."""
    return "; ".join(
        f"{stack.planes[0].label} ({stack.planes[0].modality}, {_direction(stack)}, "
        f"{' x '.join(map(str, stack.shape))})"
        for stack in stacks
    )
