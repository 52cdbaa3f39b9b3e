import numpy as np
import pytest
import torch

from bundle.transforms import SliceTransform


def _cubic_matrix(size_in, size_out, a=-0.75):
    """Cubic convolution (Keys 1981) written out: rows of weights, border pixels repeated."""
    matrix = np.zeros((size_out, size_in))
    for row in range(size_out):
        position = (row + 0.5) * size_in / size_out - 0.5
        for tap in range(int(np.floor(position)) - 1, int(np.floor(position)) + 3):
            t = abs(position - tap)
            near = (a + 2) * t**3 - (a + 3) * t**2 + 1
            far = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
            matrix[row, min(max(tap, 0), size_in - 1)] += near if t <= 1 else far
    return matrix


@pytest.mark.parametrize(("size_in", "size_out"), [(5, 8), (8, 5), (24, 16), (4, 4)])
def test_image_is_min_max_then_cubic_convolution(size_in, size_out):
    pixels = np.random.default_rng(0).normal(size=(size_in, size_in + 2)) * 70 - 20
    scaled = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    expected = _cubic_matrix(size_in, size_out) @ scaled @ _cubic_matrix(size_in + 2, size_out).T
    got = SliceTransform(size_out).image(torch.from_numpy(pixels)[None, None])
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got[0, 0].numpy(), expected, atol=2e-6)


def test_bicubic_is_not_clipped():
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    enlarged = SliceTransform(16).image(step)
    assert enlarged.min() < -0.01
    assert enlarged.max() > 1.01


def test_min_max_is_per_slice_and_channel_and_constants_become_zeros():
    slices = torch.tensor([[[0.0, 2.0]], [[10.0, 10.0]]]).reshape(1, 2, 1, 2).expand(1, 2, 2, 2)
    image = SliceTransform(2).image(slices)
    torch.testing.assert_close(image[0, 0], torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    assert torch.equal(image[0, 1], torch.zeros(2, 2))


def test_none_keeps_intensities_and_the_right_size_is_the_identity():
    slices = torch.randn(3, 2, 16, 16)
    assert torch.equal(SliceTransform(16, normalize="none").image(slices), slices)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("image_hw", [(48, 40), (20, 20), (32, 32)])
def test_a_slice_alone_equals_the_slice_in_its_batch_to_the_bit(channels, image_hw):
    # a permuted view, as volumes give it
    slices = torch.randn(channels, *image_hw, 5).permute(3, 0, 1, 2)
    transform = SliceTransform(32)
    batch, maps = transform.image(slices), transform.inverse(transform.image(slices)[:, :1], image_hw)
    for index in range(5):
        alone = transform.image(slices[index : index + 1])
        assert torch.equal(alone[0], batch[index])
        assert torch.equal(transform.inverse(alone[:, :1], image_hw)[0], maps[index])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_mask_takes_the_nearest_pixel_and_keeps_its_type(dtype):
    mask = torch.arange(16).reshape(1, 1, 4, 4).to(dtype)
    half = SliceTransform(2).mask(mask)
    assert half.dtype == dtype
    # centres of the 2 x 2 blocks lie at 1.0 and 3.0 in pixel edges: pixels 1 and 3
    assert half.flatten().tolist() == [5, 7, 13, 15]
    assert SliceTransform(4).mask(mask) is mask


def test_inverse_is_bilinear_on_the_grid_of_the_slices():
    ramp = ((torch.arange(4) + 0.5) / 4).expand(1, 1, 4, 4)
    back = SliceTransform(4).inverse(ramp, image_hw=(3, 8))
    assert back.shape == (1, 1, 3, 8)
    inner = (torch.arange(8)[1:-1] + 0.5) / 8
    torch.testing.assert_close(back[0, 0, 0, 1:-1], inner)


def test_wrong_arguments_are_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"one of \['none', 'slice'\] but got 'volume'"):
        SliceTransform(8, normalize="volume")
    with pytest.raises(ValueError, match="at least 1 pixel but got 0"):
        SliceTransform(0)


def test_its_settings_are_plain_public_attributes():
    assert vars(SliceTransform(64)) == {"image_size": 64, "normalise": "slice"}
