"""The folder of one DICOM series as a volume: a study's reading, and an error wherever a label might move."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from bundle.files import is_no_space
from bundle.volumes.dicom_series.headers import read_headers
from bundle.volumes.dicom_series.open_file import printable, quiet
from bundle.volumes.dicom_series.pixels import read_slices, read_voxels
from bundle.volumes.dicom_series.planes import Aside
from bundle.volumes.dicom_series.stacks import Stack, find_stacks
from bundle.volumes.nifti import Voxels
from bundle.volumes.problem import FileProblem, Problem, raise_first

_ALIKE = ("b-value", "temporal position")
"""What the slices of a volume to train from must share, of `REPEATS`."""
_WHICH = "name the folder of the one that is meant, or make a volume of each by scripts/prepare_study.py"


def read_dicom_series(folder: str | os.PathLike[str]) -> Voxels:
    """Read the folder of one series, at any depth and under any names, as a study is read.

    Slices are ordered by their position along the normal of the image plane (row direction x column direction), as in
    ITK, never by instance number: a scan numbered from the head down has slice 0 at the feet. Scouts, reports and
    masks are left aside. Stricter than a study: here labels belong to slices, and none may be missing unseen.

    Args:
        folder: its files that are not DICOM are left aside.

    Returns:
        (X, Y, Z): columns, rows, slices, see `read_voxels`. The affine is in RAS; flags are warnings.

    Raises:
        FileProblem: no or several stacks, a stack that is refused, images of which one is damaged, refused, parallel
            but of another matrix or spacing, or of another b-value or time.

    Example:
        >>> import tempfile
        >>> read_dicom_series(tempfile.mkdtemp())  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        bundle.volumes.problem.FileProblem: ... must hold one DICOM series, got no image of one: name the folder of ...
    """
    with quiet():
        headers = read_headers(folder, keep_images=True)
        stacks, asides = find_stacks(headers)
        raise_first(_of_folder(folder, _problems(stacks, asides)))
        try:
            data = read_stack(stacks[0], headers.images)
        except FileProblem as error:
            raise FileProblem(next(_of_folder(folder, [error.problem]))) from error
    warnings = [_warning(os.fspath(folder), kind, words) for kind, words in stacks[0].flags.items()]
    return Voxels(data, stacks[0].affine, True, tuple(warnings))


def read_stack(stack: Stack, images: dict[Path, FileDataset] | None = None) -> NDArray:
    """Read the voxels of a stack, see `read_voxels`.

    Args:
        stack: without problems.
        images: see `read_voxels`.

    Raises:
        FileProblem: pixels are missing or damaged.
    """
    with _told(stack):
        return read_voxels(stack.planes, images)


def stack_slices(stack: Stack) -> Iterator[NDArray]:
    """Yield the slices of a stack one by one, see `read_slices`.

    Args:
        stack: without problems.

    Raises:
        FileProblem: pixels are missing or damaged.
    """
    with _told(stack):
        yield from read_slices(stack.planes)


@contextmanager
def _told(stack: Stack) -> Iterator[None]:
    """Tell of whatever a decoder raises as of a problem of its stack."""
    try:
        yield
    except FileProblem:
        raise
    except Exception as error:  # decoders raise anything, and one series must not lose the others
        if is_no_space(error) or isinstance(error, MemoryError):
            raise
        found, remedy = f"some on which its decoder stops ({type(error).__name__})", "copy or export the series again"
        raise FileProblem(Problem(stack.planes[0].label, "hold whole pixel data", found, remedy)) from error


def _of_folder(folder: str | os.PathLike[str], problems: Iterator[Problem] | Sequence[Problem]) -> Iterator[Problem]:
    """Yield problems with the name of the folder, before that of the series where there is one."""
    for problem in problems:
        yield replace(problem, file=f"{os.fspath(folder)}{': ' * bool(problem.file)}{problem.file}")


def _problems(stacks: Sequence[Stack], asides: Sequence[Aside]) -> Iterator[Problem]:
    if len(stacks) > 1:
        yield Problem("", "hold one DICOM series", _described(stacks), _WHICH)
    for aside in asides:
        yield from aside.problems
        if aside.kind == "damaged":
            yield Problem(
                "", "hold whole DICOM files", f"the damaged {printable(Path(aside.file.name))}", "copy it again"
            )
    for stack in stacks:
        yield from _moving(stack, [aside.reason for aside in asides if aside.series == stack.planes[0].series])
        yield from stack.problems
    if not stacks:
        reasons = Counter(aside.reason for aside in asides if aside.kind != "not DICOM")
        found = ", ".join(f"{reason} ({count})" for reason, count in reasons.items()) or "no image of one"
        yield Problem("", "hold one DICOM series", found, "name the folder of the series")


def _described(stacks: Sequence[Stack]) -> str:
    """Return words for several stacks, none of which comes from a patient."""
    firsts = [stack.planes[0] for stack in stacks]
    each = [
        f"{one.label} ({one.modality}, {' x '.join(map(str, s.shape))})" for one, s in zip(firsts, stacks, strict=True)
    ]
    studies = len({plane.study for plane in firsts})
    reasons = dict.fromkeys(stack.flags["split"] for stack in stacks if "split" in stack.flags)
    return f"{len(stacks)} stacks{f' of {studies} studies' * (studies > 1)}: {', '.join([*each, *reasons])}"


def _moving(stack: Stack, asides: Sequence[str]) -> Iterator[Problem]:
    """Yield what a study is read with, but would move labels."""
    label = stack.planes[0].label
    if "apart" in stack.flags:
        found, remedy = "; ".join(dict.fromkeys(asides)), "export them as series of their own, or again as one"
        yield Problem(label, "hold every slice in its stack", found, remedy)
    for name in _ALIKE:
        if (count := len({plane.repeats[name] for plane in stack.planes})) > 1:
            remedy = "give each a folder of its own"
            yield Problem(label, f"have one {name}", f"{count} in {len(stack.planes)} slices", remedy)


def _warning(folder: str, kind: str, words: str) -> Problem:
    remedy = "look at its slices, and leave it out if they are not what its labels were made for"
    return Problem(folder, f"be a DICOM series without the flag {kind}", f"one with it ({words})", remedy, "warning")
