"""Cases of an inference: a file, a list, a folder or a datalist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from bundle import keys
from bundle.data.cases.case import Case
from bundle.data.cases.datalist import Datalist
from bundle.volumes import VOLUME_SUFFIXES, is_volume


class Finder(Protocol):
    """Finder of cases."""

    def find(self) -> list[Case]:
        """Return the cases."""


def inference_items(source: str | Path | Sequence[Any], finder: Finder | None = None) -> list[dict[str, Any]]:
    """Return case dicts for a file, a list, a folder or a datalist.

    Args:
        source: a volume file; a list whose entries are files, lists of channel files, or case dicts; a folder with one
            volume a case; or a MONAI datalist (JSON).
        finder: finds the cases of a folder instead, e.g. those with one file a channel; a file is itself the case.

    Raises:
        ValueError: nothing is found.

    Example:
        >>> inference_items(["a.nii.gz", ["b_t1.nii", "b_t2.nii"]])
        [{'image': 'a.nii.gz'}, {'image': ['b_t1.nii', 'b_t2.nii']}]
    """
    if not isinstance(source, (str, Path)):
        return [entry if isinstance(entry, dict) else {"image": entry} for entry in source]
    path = Path(source)
    if path.suffix == ".json":
        finder = Datalist(path)
    elif path.is_file():
        return [{"image": str(path)}]
    if finder is not None:
        return [without_label(case.item()) for case in finder.find()]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if is_volume(file))
        if not files:
            raise ValueError(
                f"{path} must hold volumes ({', '.join(VOLUME_SUFFIXES)}), got none: for cases with one file a channel "
                "add the overlay of a data set, which names a finder (configs/datasets/*.yaml)."
            )
        return [{"image": str(file)} for file in files]
    return [{"image": str(path)}]


def without_label(item: dict[str, Any]) -> dict[str, Any]:
    """Return a case dict that does not ask for a mask: inference needs none, and there may be none."""
    return {key: value for key, value in item.items() if key != keys.LABEL}
