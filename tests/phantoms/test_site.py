from dataclasses import replace

import nibabel
import numpy as np
import pytest
from monai.data import MetaTensor
from monai.transforms import Orientation

from bundle.phantoms import SITES, PhantomCase, make_phantom
from bundle.phantoms.phantom import nifti_images

PLAIN = replace(SITES[0], gamma=(1.0, 1.0, 1.0), brightness=100.0, bias=0.0, noise=0.0, blur_mm=0.0)


def scan(site, value=0.5, shape=(3, 32, 32, 4)):
    return site.scan(np.random.default_rng(0), np.full(shape, value, dtype=np.float32)).astype(float)


def test_without_its_habits_a_site_only_scales():
    assert (scan(PLAIN) == 50).all()


def test_gamma_is_per_channel():
    assert scan(replace(PLAIN, gamma=(1.0, 2.0, 0.5)))[:, 0, 0, 0].tolist() == [50, 25, 71]


def test_noise_is_rician():
    air = scan(replace(PLAIN, brightness=10_000.0, noise=0.1), value=0.0)
    assert air.mean() == pytest.approx(10_000 * 0.1 * np.sqrt(np.pi / 2), rel=0.02)  # Rayleigh


def test_bias_is_smooth_and_the_same_in_all_channels():
    field = scan(replace(PLAIN, bias=0.2, brightness=10_000.0)) / 5000
    np.testing.assert_allclose(field[0], field[2], rtol=1e-3)
    assert field.std() > 0.02
    assert np.abs(np.diff(field[0], axis=0)).max() < 0.1


def test_blur_stays_in_the_slice():
    images = np.zeros((3, 17, 17, 3), dtype=np.float32)
    images[:, 8, 8, 1] = 1
    blurred = replace(PLAIN, blur_mm=10.0, brightness=10_000.0).scan(np.random.default_rng(0), images)
    assert blurred[0, 9, 8, 1] > 100
    assert not blurred[..., 0].any()


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_files_have_the_sites_axes_and_turn_back_to_the_raster(site):
    case = replace(PhantomCase.numbered(0), site=site)
    phantom = make_phantom(case, seed=0, shape=(24, 20, 6))
    image = nifti_images(case, phantom)["flair"]
    assert "".join(nibabel.aff2axcodes(image.affine)) == site.axcodes
    labels = (("L", "R"), ("P", "A"), ("I", "S"))
    stored = MetaTensor(np.asarray(image.dataobj)[None].astype(np.float32), affine=image.affine)
    turned = Orientation("PLS", labels=labels)(stored)
    np.testing.assert_array_equal(turned[0].numpy(), phantom.images[2])
    np.testing.assert_allclose(turned.affine, phantom.affine, atol=1e-4)


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_affine_has_the_voxel_size_and_the_tilt(site):
    affine = site.affine((3, 24, 20, 6))
    voxel_mm = nibabel.affines.voxel_sizes(affine)
    np.testing.assert_allclose(voxel_mm * (24, 20, 6), site.fov_mm)
    assert np.degrees(nibabel.affines.obliquity(affine).max()) == pytest.approx(abs(site.tilt_deg), abs=1e-6)
    np.testing.assert_allclose(nibabel.affines.apply_affine(affine, (11.5, 9.5, 2.5)), 0, atol=1e-9)
    assert np.linalg.det(affine[:3, :3]) != 0


def test_both_header_forms_agree():
    case = PhantomCase.numbered(2)
    image = nifti_images(case, make_phantom(case, seed=0, shape=(16, 16, 4)))["t1"]
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)


def test_the_sites_differ_and_one_is_flipped_one_oblique():
    assert len({site.axcodes for site in SITES}) == len(SITES)
    assert len({site.gamma for site in SITES}) == len(SITES)
    assert any(site.tilt_deg for site in SITES)
    assert any(site.axcodes[2] == "I" for site in SITES)


def test_slices_belong_on_the_third_axis():
    with pytest.raises(ValueError, match=r"end with S or I.*'PSR'"):
        replace(PLAIN, axcodes="PSR")
