"""Inference on files as the world makes them, where they are at hand: maps lie where nibabel says they do."""

import json

import nibabel as nib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import SHARED
from nibabel import orientations
from support.bundle import tiny_bundle

from bundle.attribution import EAFEM
from bundle.networks import SliceViT

FORMATS = SHARED / "data/formats"
ODD = [
    "4d_singleton_float_bigendian_zstat.nii.gz",
    "float32_bigendian_reoriented.nii",
    "oblique_uint8_slope_fmri.nii.gz",
]
pytestmark = pytest.mark.skipif(not FORMATS.exists(), reason="the shared data are not here")


def network(folder, in_channels):
    torch.manual_seed(0)
    vit = SliceViT(
        image_size=16, patch_size=8, in_channels=in_channels, hidden_size=16, num_layers=1, num_heads=2, num_classes=1
    )
    (folder / "run").mkdir()
    torch.save(vit.state_dict(), folder / "run/model.pt")
    return vit.eval()


def maps_of(vit, raster):
    """(H,W,D) intensities of one channel -> (H,W,D) map, by torch alone."""
    low, high = raster.min(axis=(0, 1)), raster.max(axis=(0, 1))
    scaled = (raster - low) / np.where(high > low, high - low, 1)
    slices = torch.tensor(scaled, dtype=torch.float32).permute(2, 0, 1)[:, None]
    inputs = F.interpolate(slices, (16, 16), mode="bicubic", align_corners=False)
    with torch.no_grad():
        maps = EAFEM(beta=0.85)(vit.forward_evidence(inputs), (16, 16))
    maps[(inputs == 0).flatten(1).all(dim=1)] = 0
    back = F.interpolate(maps, raster.shape[:2], mode="bilinear", align_corners=False)
    return back[:, 0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("name", ODD)
def test_maps_of_odd_files_lie_on_their_grid(name, tmp_path):
    vit, source = network(tmp_path, in_channels=1), FORMATS / "odd_nifti" / name
    parser = tiny_bundle("inference", [], tmp_path, in_channels=1, dataset_dir=str(source))
    parser.get_parsed_content("evaluator").run()
    [folder] = (tmp_path / "results").iterdir()
    written, image = nib.load(folder / "attribution.nii.gz"), nib.load(source)
    voxels = image.get_fdata().reshape(image.shape[:3])
    own, raster = orientations.io_orientation(image.affine), orientations.axcodes2ornt(("P", "L", "S"))
    turned = orientations.apply_orientation(voxels, orientations.ornt_transform(own, raster))
    expected = orientations.apply_orientation(maps_of(vit, turned), orientations.ornt_transform(raster, own))
    np.testing.assert_allclose(written.affine, image.affine, atol=1e-4)
    np.testing.assert_allclose(written.get_fdata(), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["4d_oblique_example4d.nii.gz", "4d_int16_slope_functional.nii"])
def test_time_points_are_not_taken_for_channels(name, tmp_path):
    network(tmp_path, in_channels=1)
    parser = tiny_bundle("inference", [], tmp_path, in_channels=1, dataset_dir=str(FORMATS / "odd_nifti" / name))
    parser.get_parsed_content("evaluator").run()
    with pytest.raises(RuntimeError, match=rf"all 1 .* got 1 without:\n.*{name}: .*the network's 1 channels"):
        parser.get_parsed_content("dataset").finish()


def test_tiff_slices_as_kaggle_has_them(tmp_path):
    network(tmp_path, in_channels=3)
    parser = tiny_bundle("inference", ["datasets/kaggle_3m"], tmp_path, dataset_dir=str(FORMATS / "kaggle_3m"))
    parser.get_parsed_content("evaluator").run()
    folder = tmp_path / "results/TCGA_CS_4941_19960909"
    assert nib.load(folder / "attribution.nii.gz").shape == (256, 256, 23)
    assert len(json.loads((folder / "summary.json").read_text())["volume"]) > 0
    assert len((folder / "slices.csv").read_text().splitlines()) == 24
