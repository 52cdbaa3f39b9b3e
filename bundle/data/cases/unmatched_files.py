"""Warnings of files that no finder takes: a case or a label may be missing, and nothing else would say so."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from bundle.data.cases.case import Case, file_stem
from bundle.data.cases.file_pattern import FilePattern
from bundle.data.cases.readable_names import readable, walk
from bundle.volumes import SLICE_SUFFIXES, VOLUME_SUFFIXES, is_slice_image


def warn_unmatched_files(
    root: Path, patterns: Iterable[FilePattern], cases: Sequence[Case], ids: Collection[str] = ()
) -> None:
    """Warn once of image files that fit no pattern and belong to no case, with their number and an example.

    A file belongs to a case if the case lists it, if a folder above it has the case's id as its name, or if its own
    name starts with the id (``a_t1ce.nii`` beside ``a_t1.nii``). Volumes and DICOM files
    are looked at, and pictures where slices are pictures, in the folders that the patterns start in and below.

    Args:
        root: folder of the data set.
        patterns: of the finder.
        cases: the cases of the finder.
        ids: names that are known besides those of the cases.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ("v-1.nii", "v-2.nii.gz"): (root / name).touch()
        >>> pattern, case = FilePattern("v-{key}.nii", {"key": "[0-9]+"}), Case("v-1", "p", "x", ("v-1.nii",), None)
        >>> with warnings.catch_warnings(record=True) as caught: warn_unmatched_files(root, [pattern], [case])
        >>> "1 image file of no known case left out, e.g. v-2.nii.gz" in str(caught[0].message)
        True
    """
    known = {case.case for case in cases}.union(ids)
    used = {file for case in cases for file in _files(case=case)}
    suffixes = (*VOLUME_SUFFIXES, ".dcm", *(SLICE_SUFFIXES if any(is_slice_image(file) for file in used) else ()))
    unmatched = {
        file
        for start in {pattern.start(root) for pattern in patterns}
        for file in _walk(start=start, known=known, suffixes=suffixes)
        if str(file) not in used and known.isdisjoint(_heads(name=file_stem(file)))
    }
    if unmatched:
        warnings.warn(
            f"{root}: {len(unmatched)} image file{'s' * (len(unmatched) != 1)} of no known case left out, e.g. "
            f"{readable(min(unmatched).relative_to(root).as_posix())}: no pattern of the finder fits. Where that "
            "hides a case, name its files like those of the others, or change the finder.",
            stacklevel=3,
        )


def warn_left_out(root: Path, case_regex: str, left_out: Sequence[str]) -> None:
    """Warn once of cases that an expression leaves out, with their number and an example.

    Args:
        root: folder of the data set.
        case_regex: the expression.
        left_out: ids of the cases.

    Example:
        >>> with warnings.catch_warnings(record=True) as caught: warn_left_out(Path("data"), "B[0-9]+", ["V1", "V2"])
        >>> str(caught[0].message)[:59]
        "data: case_regex 'B[0-9]+' leaves out 2 cases, e.g. V1: the"
    """
    if left_out:
        count = len(left_out)
        warnings.warn(
            f"{root}: case_regex {case_regex!r} leaves out {count} case{'s' * (count != 1)}, e.g. {left_out[0]}: they "
            "are neither trained on nor tested; where they should be, widen case_regex of the finder.",
            stacklevel=3,
        )


def warn_two_labels(root: Path, slice_labels: str | None, cases: Sequence[Case]) -> None:
    """Warn once of cases with a mask beside which a CSV of slice labels lies too: which of them is right, nobody said.

    Args:
        root: folder of the data set.
        slice_labels: path of a CSV with the field ``{case}``, None where the finder looks for none.
        cases: the cases of the finder.

    Example:
        >>> warn_two_labels(Path("data"), None, [])
    """
    csv = {case.case: root / slice_labels.format(case=case.case) for case in cases} if slice_labels else {}
    both = [
        case for case in cases if case.case in csv and csv[case.case].exists() and case.label != str(csv[case.case])
    ]
    if both:
        warnings.warn(
            f"{root}: {len(both)} of {len(cases)} cases have a mask and a CSV of slice labels, e.g. {both[0].label} "
            f"and {csv[both[0].case]}: the masks are taken, also empty ones; remove what is not the label.",
            stacklevel=3,
        )


def _files(*, case: Case) -> Iterator[str]:
    yield from case.images
    yield from case.label if isinstance(case.label, tuple) else [case.label or ""]
    yield case.organ or ""


def _walk(*, start: Path, known: Collection[str], suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files below `start` with these suffixes, outside folders of known cases; hidden ones are no data."""
    for folder, folders, files in walk(start):
        folders[:] = [name for name in folders if name not in known and not name.startswith(".")]
        chosen = (name for name in files if name.lower().endswith(suffixes) and not name.startswith("."))
        yield from (Path(folder) / name for name in chosen)


def _heads(*, name: str) -> Iterator[str]:
    """Yield the name, and what stands in it before each sign that is no letter or digit."""
    yield name
    yield from (name[:end] for end, letter in enumerate(name) if not letter.isalnum())
