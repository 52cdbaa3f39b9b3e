"""Cases of an inference: a file, a list, a folder or a datalist."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

from bundle import keys
from bundle.data.cases.case import Case, file_stem, with_identities
from bundle.data.cases.datalist import Datalist
from bundle.volumes import VOLUME_SUFFIXES, is_volume


class Finder(Protocol):
    """Finder of cases."""

    def find(self) -> list[Case]:
        """Return the cases."""


def inference_items(
    source: str | Path | Sequence[Any],
    finder: Finder | None = None,
    names: str | Sequence[str] | None = None,
    key_file: str | Path | None = None,
) -> list[dict[str, Any]]:
    """Return case dicts for a file, a list, a folder or a datalist.

    A case of several channel files is named by what their names share, or by their folder if they share nothing; files
    of one name are told apart by folders in front.

    Args:
        source: a volume file; a list whose entries are files, lists of channel files, or case dicts; a folder with one
            volume a case; a folder of DICOM studies, each series a case; or a MONAI datalist (JSON).
        finder: finds the cases of a folder instead, e.g. those with one file a channel; a file is itself the case.
        names: of the cases, in their order; a text for a single case. None takes the names of the files.
        key_file: names DICOM studies by a keyed hash, see `bundle.dicom.CaseNames`; None counts them.

    Raises:
        ValueError: nothing is found; there is another number of names than of cases.

    Example:
        >>> inference_items(["a.nii.gz", ["b/b_t1.nii", "b/b_t2.nii"]])
        [{'image': 'a.nii.gz'}, {'image': ['b/b_t1.nii', 'b/b_t2.nii'], 'case': 'b'}]
        >>> inference_items("scan.nii.gz", names="patient 7")
        [{'image': 'scan.nii.gz', 'case': 'patient 7'}]
    """
    items = _found(source, finder, key_file)
    if not items:
        raise ValueError(
            f"dataset_dir must name a scan or more, got {source!r} without any: give a file, a list of files, a folder "
            "or a datalist."
        )
    if names is None:
        return _named_by_files(items)
    given = [names] if isinstance(names, str) else list(names)
    if len(given) != len(items):
        raise ValueError(f"case_name must hold a name for each of {len(items)} cases, got {given}: list them in order.")
    return [{**item, keys.CASE: str(name)} for item, name in zip(items, given, strict=True)]


def _found(
    source: str | Path | Sequence[Any], finder: Finder | None, key_file: str | Path | None
) -> list[dict[str, Any]]:
    """Return the cases as their source names them."""
    if not isinstance(source, (str, Path)):
        return [dict(entry) if isinstance(entry, dict) else {keys.IMAGE: entry} for entry in source]
    path = Path(source)
    if path.suffix == ".json":
        finder = Datalist(path)
    elif path.is_file():
        return [{keys.IMAGE: str(path)}]
    if finder is not None:
        return [without_label(case.item()) for case in finder.find()]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if is_volume(file))
        return [{keys.IMAGE: str(file)} for file in files] or _series(path, key_file)
    return [{keys.IMAGE: str(path)}]


def _series(folder: Path, key_file: str | Path | None) -> list[dict[str, Any]]:
    """Return the series of DICOM studies in a folder."""
    with suppress(ImportError):  # the extra `dicom`
        from bundle.dicom import study_items

        if items := study_items(folder, key_file):
            return items
    raise ValueError(
        f"{folder} must hold volumes ({', '.join(VOLUME_SUFFIXES)}), got none: for cases with one file a channel add "
        "the overlay of a data set, which names a finder (configs/datasets/*.yaml); for DICOM studies pip install "
        "'lgm-vit[dicom]'."
    )


_SEPARATOR = re.compile(r"([ _.-])")


def _named_by_files(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the items, those of several files with the name of their case."""
    paths = [None if item.get(keys.CASE) is not None else _shared_path(item.get(keys.IMAGE)) for item in items]
    # `with_identities` tells files of one name apart: what the files of a case share takes the place of its file
    named = iter(with_identities([{keys.IMAGE: path} for path in paths if path is not None], warn=False))
    return [
        item if path is None else {**item, keys.CASE: next(named)[keys.CASE]}
        for item, path in zip(items, paths, strict=True)
    ]


def _shared_path(image: Any) -> str | None:
    """Return a path named by what several files share, None for a single file."""
    if not isinstance(image, list | tuple) or len(image) < 2:
        return None
    words = [_SEPARATOR.split(file_stem(str(file))) for file in image]
    alike = _alike(words=words) or _alike(words=[each[::-1] for each in words])[::-1]
    name = "".join(alike).strip(" _-.")
    folder = Path(os.path.commonpath([Path(str(file)).absolute().parent for file in image]))
    return f"{folder / name if name else folder}.nii"


def _alike(*, words: Sequence[Sequence[str]]) -> list[str]:
    """Return the words that several names begin with; nothing if these are separators alone."""
    alike = [word for word, *_ in takewhile(lambda same: len(set(same)) == 1, zip(*words, strict=False))]
    return alike if "".join(alike).strip(" _-.") else []


def without_label(item: dict[str, Any]) -> dict[str, Any]:
    """Return a case dict that does not ask for a mask: inference needs none, and there may be none."""
    return {key: value for key, value in item.items() if key != keys.LABEL}
