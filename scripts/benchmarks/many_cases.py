"""A data set of very many cases that are almost empty: only its index is large."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

DEPTH = 155
FILES = ("t1.nii.gz", "t2.nii.gz", "flair.nii.gz", "seg.nii.gz")


def write_cases(folder: Path, cases: int) -> None:
    """Write four empty files a case."""
    for number in range(cases):
        case = folder / "cases" / f"case_{number:06d}"
        case.mkdir(parents=True)
        for name in FILES:
            (case / name).touch()


def items_of(folder: str | Path) -> list[dict[str, Any]]:
    """Return the cases as items of a data set."""
    found = sorted(path for path in (Path(folder) / "cases").iterdir())
    return [
        {
            "image": [str(case / name) for name in FILES[:3]],
            "label": str(case / FILES[3]),
            "case": case.name,
            "patient": case.name,
            "site": "unknown",
        }
        for case in found
    ]


def same_slices(_item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return as many slices of four pixels as a scan of BraTS has; every other one is positive."""
    image, mask = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.uint8)
    return [
        {"image": image, "mask": mask, "label": torch.tensor([float(index % 2)]), "slice_index": index}
        for index in range(DEPTH)
    ]
