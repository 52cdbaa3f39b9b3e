"""A data set of several hospitals taken apart, a folder for each, to try a federation on one machine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bundle.data import Case
from bundle.files import write_csv

LABELS = "{case}_slices.csv"
"""Name of the slice labels that stand in for a mask, as the finder's `slice_labels` writes it."""


def make_site_folders(
    cases: Sequence[Case],
    root: str | Path,
    folder: str | Path,
    sites: Sequence[str],
    without_masks: Collection[str] = (),
) -> dict[str, int]:
    """Link the files of each site's cases below `folder`/<site>, and write its `cases.csv`.

    Args:
        cases: of a finder whose files lie below `root`.
        root: folder of the data set.
        folder: where the sites' folders go.
        sites: that take part; cases of others are left out.
        without_masks: sites that get a CSV of slice labels, made from the mask, in place of the mask.

    Returns:
        Site -> number of cases.

    Raises:
        ValueError: a site has no case, or a mask that becomes slice labels lies on another grid than the image.

    Example:
        >>> make_site_folders([], "data", "sites", ["A"])
        Traceback (most recent call last):
        ValueError: site A must have cases, got none in data: choose among no sites.
    """
    root, folder = Path(root).absolute(), Path(folder)
    found = {site: [case for case in cases if case.site == site] for site in sites}
    for site, own in found.items():
        if not own:
            there = ", ".join(sorted({case.site for case in cases})) or "no sites"
            raise ValueError(f"site {site} must have cases, got none in {root.name}: choose among {there}.")
        rows = [{"case": case.case, "patient": case.patient, "site": case.site} for case in own]
        for case in own:
            for file in case.images:
                _link(Path(file), root, folder / site)
            _give_label(case, root, folder / site, masks=site not in without_masks)
        write_csv(folder / site / "cases.csv", rows)
    return {site: len(own) for site, own in found.items()}


def _link(file: Path, root: Path, folder: Path) -> None:
    """Link a file at the same place below another folder."""
    link = folder / file.absolute().relative_to(root)
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(file.absolute())


def _give_label(case: Case, root: Path, folder: Path, *, masks: bool) -> None:
    """Link the mask, or write the slice labels that it means beside the image."""
    if not isinstance(case.label, str):
        return
    if masks or case.label.endswith(".csv"):
        _link(Path(case.label), root, folder)
        return
    labels = _slice_labels(Path(case.label), Path(case.images[0]))
    place = folder / Path(case.images[0]).absolute().relative_to(root).parent
    rows = [{"slice_index": index, "class": label} for index, label in enumerate(labels.tolist())]
    write_csv(place / LABELS.format(case=case.case), rows)


def _slice_labels(mask: Path, image: Path) -> NDArray:
    """Return (D,) 1 where a slice along the file's third axis has the object."""
    loaded, reference = nib.load(mask), nib.load(image)
    if loaded.shape[:3] != reference.shape[:3] or not np.allclose(loaded.affine, reference.affine, atol=1e-3):
        raise ValueError(f"{mask} must lie on the grid of {image.name}, got another: resample it first.")
    return np.asarray(np.asarray(loaded.dataobj) > 0).any(axis=(0, 1)).astype(int)
