"""One number that tells whether two runs learned from the same patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bundle.data.case_names import complete_items
from bundle.data.split import Split


def split_hash(train: Iterable[Mapping[str, Any]], val: Iterable[Mapping[str, Any]]) -> str:
    """Return the hash of who is trained on and who chooses checkpoint and threshold.

    It goes into checkpoint, run record and results. Made from the lists the datasets really have, so that it is also
    true where another program (MONAI Label, a federated client) brings its own lists.

    Args:
        train: items of the training dataset.
        val: items of the validation dataset.

    Example:
        >>> a, b = ({"image": f"{name}.nii", "case": name, "patient": name} for name in "ab")
        >>> split_hash([a], [b]) == split_hash([a], [b]), split_hash([a], [b]) == split_hash([b], [a])
        (True, False)
    """
    return Split(complete_items(train), complete_items(val), []).hash
