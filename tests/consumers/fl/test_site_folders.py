"""A data set taken apart: links, a table of the cases, and slice labels that say what the mask said."""

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from support.datasets import COUNT, demo

from bundle.consumers.fl import make_site_folders
from bundle.data import ChannelFiles


@pytest.fixture
def cases(tmp_path):
    """Five tiny cases of a site A, and their finder's answer."""
    demo(tmp_path / "data")
    return ChannelFiles(tmp_path / "data", ["t1", "t2", "flair"], table="cases.csv").find()


def test_slice_labels_say_what_the_mask_said(cases, tmp_path):
    assert make_site_folders(cases, tmp_path / "data", tmp_path / "sites", ["A"], without_masks=["A"]) == {"A": COUNT}
    site = tmp_path / "sites/A"
    found = ChannelFiles(
        site, ["t1", "t2", "flair"], mask=None, slice_labels="{case}/{case}_slices.csv", table="cases.csv"
    ).find()
    assert [(case.case, case.patient, case.site) for case in found] == [(c.case, c.patient, c.site) for c in cases]
    assert not list(site.rglob("*_seg*"))
    with Path(found[0].label).open(newline="") as stream:
        rows = [(int(row["slice_index"]), int(row["class"])) for row in csv.DictReader(stream)]
    mask = np.asarray(nib.load(cases[0].label).dataobj)
    assert rows == list(enumerate((mask > 0).any(axis=(0, 1)).astype(int)))


def test_masks_are_linked_where_they_stay(cases, tmp_path):
    for _ in range(2):  # a second time changes nothing
        make_site_folders(cases, tmp_path / "data", tmp_path / "sites", ["A"])
    assert len(list((tmp_path / "sites/A").rglob("*_seg.nii.gz"))) == COUNT


def test_a_mask_on_another_grid_is_no_slice_labels(cases, tmp_path):
    mask = nib.load(cases[0].label)
    nib.save(nib.Nifti1Image(np.asarray(mask.dataobj)[..., ::-1], np.diag([-1.0, -1, -3, 1])), cases[0].label)
    with pytest.raises(ValueError, match="must lie on the grid of"):
        make_site_folders(cases, tmp_path / "data", tmp_path / "sites", ["A"], without_masks=["A"])
