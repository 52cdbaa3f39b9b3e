"""NIfTI files of a case are decompressed once for checks and slices, and read the same as without."""

import weakref

import nibabel as nib
import numpy as np
import pytest
import torch

from bundle.data import SliceDataset, check_case
from bundle.transforms import SliceVolumed
from bundle.volumes import VolumeFile, read_volume, with_volume_paths
from bundle.volumes.volume_file import VolumePath

AFFINE = np.array([[0, 0, -2.0, 4], [1.5, 0, 0, 5], [0, 3.0, 0, 6], [0, 0, 0, 1]])


def scaled(path):
    image = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), AFFINE)
    image.header.set_slope_inter(0.5, 10)
    nib.save(image, path)


def big_endian(path):
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(np.float32)
    nib.save(nib.Nifti1Image(np.random.default_rng(0).normal(size=(3, 4, 5)).astype(">f4"), AFFINE, header), path)


def wide_whole_numbers(path):
    nib.save(nib.Nifti1Image(np.arange(60).reshape(3, 4, 5), AFFINE, dtype="int64"), path)


def channels_last(path):
    nib.save(nib.Nifti1Image(np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype(np.float32), AFFINE), path)


def contradicting_voxel_size(path):
    image = nib.Nifti1Image(np.ones((3, 4, 5), np.float32), AFFINE)
    image.header["pixdim"][1:4] = 9
    nib.save(image, path)


FILES = (scaled, big_endian, wide_whole_numbers, channels_last, contradicting_voxel_size)


@pytest.fixture
def opened(monkeypatch):
    """Paths that nibabel opens, in order."""
    paths, load = [], nib.load
    monkeypatch.setattr(nib, "load", lambda path, **options: paths.append(str(path)) or load(path, **options))
    return paths


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("write", FILES)
def test_both_readers_find_in_memory_what_they_find_on_disk(tmp_path, opened, write, suffix):
    path = str(tmp_path / f"v{suffix}")
    write(path)
    file, volume = VolumeFile.read([path]), read_volume(path)
    opened.clear()
    kept = VolumePath(path)
    file_once, volume_once = VolumeFile.read([kept]), read_volume(kept)
    assert opened == [path]
    assert file_once.data.dtype == file.data.dtype
    np.testing.assert_array_equal(file_once.data, file.data)
    np.testing.assert_array_equal(file_once.affine, file.affine)
    assert torch.equal(volume_once.as_tensor(), volume.as_tensor())
    assert volume_once.stride() == volume.stride()
    assert torch.equal(volume_once.affine, volume.affine)
    assert sorted(volume_once.meta) == sorted(volume.meta)


def test_a_case_is_ingested_from_one_opening_of_each_file(tmp_path, opened):
    for name in ("t1", "t2", "mask"):
        voxels = np.arange(192, dtype=np.float32).reshape(8, 8, 3) % 2
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / f"{name}.nii.gz")
    images = [str(tmp_path / "t1.nii.gz"), str(tmp_path / "t2.nii.gz")]
    item = {"image": images, "label": str(tmp_path / "mask.nii.gz"), "case": "a", "patient": "a", "site": "s"}
    dataset = SliceDataset([item], SliceVolumed(), tmp_path / "store", check=check_case)
    assert len(dataset) == 3
    assert sorted(opened) == sorted([*images, item["label"]])


def test_nothing_is_kept_longer_than_the_path(tmp_path, opened):
    path, missing = str(tmp_path / "v.nii.gz"), str(tmp_path / "no.nii")
    scaled(path)
    kept = VolumePath(path)
    voxels = weakref.ref(kept.read().data)
    assert voxels() is kept.read().data
    del kept
    assert voxels() is None
    with pytest.raises(FileNotFoundError, match=r"no\.nii"):
        VolumePath(missing).read()
    VolumeFile.read([path])
    VolumeFile.read([path])
    assert opened == [path, missing, path, path]


def test_a_file_that_an_item_names_twice_is_opened_once(tmp_path, opened):
    path = str(tmp_path / "v.nii")
    scaled(path)
    item = with_volume_paths({"image": [path], "label": path, "organ": None, "case": path[:-4]})
    for volume in (*item["image"], item["label"]):
        VolumeFile.read([volume])
    assert (opened, item["case"], item["organ"]) == ([path], path[:-4], None)
