import numpy as np
import pytest
import torch
from conftest import SHARED
from monai.transforms import MapTransform
from scipy.ndimage import gaussian_filter

from bundle.transforms import SmoothMask, SmoothMaskd, scaled_kernel_size


@pytest.mark.parametrize(("kernel_size_px", "sigma"), [(51, None), (13, None), (9, 2.0)])
def test_it_is_scipys_gaussian_with_reflected_border(kernel_size_px, sigma):
    mask = (np.random.default_rng(0).random((2, 1, 60, 52)) > 0.9).astype(np.float64)
    width = 0.15 * kernel_size_px + 0.35 if sigma is None else sigma
    # scipy's "mirror" is torch's "reflect": the border pixel is not repeated
    expected = gaussian_filter(mask, (0, 0, width, width), mode="mirror", radius=(0, 0, *[kernel_size_px // 2] * 2))
    smoothed = SmoothMask(kernel_size_px, sigma)(torch.from_numpy(mask))
    np.testing.assert_allclose(smoothed.numpy(), expected, atol=1e-12)


@pytest.mark.skipif(not SHARED.exists(), reason="the reference values are not here")
@pytest.mark.parametrize("name", ["reference_64_16", "reference_128_16"])
def test_it_agrees_with_the_reference(name):
    with np.load(SHARED / "golden" / f"{name}.npz", allow_pickle=False) as golden:
        mask, expected, kernel = golden["mask"], golden["smoothed_mask"], int(golden["smooth_kernel"])
    smoothed = SmoothMask(kernel)(torch.from_numpy(mask).unsqueeze(1)).squeeze(1)
    np.testing.assert_allclose(smoothed.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.float32])
def test_values_stay_in_the_unit_interval_for_any_type(dtype):
    full = SmoothMask(31)(torch.ones(2, 1, 32, 32).to(dtype))
    assert full.dtype == torch.float32
    assert full.max() <= 1
    torch.testing.assert_close(full, torch.ones(2, 1, 32, 32))


def test_what_it_cannot_blur_is_refused():
    with pytest.raises(ValueError, match="kernel_size_px must be odd, got 50"):
        SmoothMask(50)
    with pytest.raises(ValueError, match="sigma must be above 0 px, got 0"):
        SmoothMask(3, sigma=0.0)
    with pytest.raises(ValueError, match=r"more than 25 px a side .*, got \(64, 25\)"):
        SmoothMask(51)(torch.zeros(1, 1, 64, 25))
    assert SmoothMask(51)(torch.zeros(1, 1, 26, 26)).shape == (1, 1, 26, 26)
    with pytest.raises(ValueError, match=r"the shape \(B,1,H,W\), got \(1, 64, 64\)"):
        SmoothMask()(torch.zeros(1, 64, 64))


def test_the_dictionary_transform_adds_the_blurred_mask():
    mask = (torch.rand(1, 32, 32) > 0.9).to(torch.uint8)
    transform = SmoothMaskd(kernel_size_px=7, sigma=1.0)
    assert isinstance(transform, MapTransform)
    entry = transform({"mask": mask, "case": "a"})
    assert entry["mask"] is mask
    assert entry["case"] == "a"
    assert torch.equal(entry["smoothed_mask"], SmoothMask(7, 1.0)(mask[None])[0])
    with pytest.raises(KeyError):
        transform({"case": "a"})


@pytest.mark.parametrize("image_size", [8, 14, 64, 96, 128, 224, 256, 384, 512])
def test_the_kernel_is_the_nearest_odd_size(image_size):
    exact = 51 * image_size / 256
    candidates = range(3, 201, 2)
    assert abs(scaled_kernel_size(image_size) - exact) == min(abs(size - exact) for size in candidates)
