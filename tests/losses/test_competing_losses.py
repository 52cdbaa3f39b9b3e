import ignite.distributed as idist
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import correlate, gaussian_filter

from bundle.losses import GradMaskLoss, RESLoss, RobustViTLoss
from bundle.losses.imputation import (
    GaussianImputation,
    GridGaussianImputation,
    LearnedImputation,
    OneConvolutionImputation,
)
from bundle.losses.reduction import patch_grid

MASK = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
MAP = torch.tensor([[[[0.5, 1.0], [0.25, 0.0]]]])
ONE = torch.ones(1)


def test_gradmask_by_hand():
    batch = {"mask": MASK, "smoothed_mask": MASK * 0.5, "weight": ONE}
    # squares of 0.5 * 0.5, 1 * 0.5, 0.25, 0
    assert GradMaskLoss()(MAP, batch).item() == pytest.approx((0.0625 + 0.25 + 0.0625) / 4)


def test_robustvit_by_hand():
    batch = {"mask": MASK, "weight": ONE}
    assert RobustViTLoss()(MAP, batch).item() == pytest.approx(0.3 * 0.25 / 4 + 2 * 0.0625 / 4)


@pytest.mark.parametrize("logits", [[[-3.0]], [[3.0]], [[0.0, 3.0]]])
def test_robustvits_own_form_adds_the_agreement_with_itself(logits):
    batch = {"mask": MASK, "weight": ONE, "pred": torch.tensor(logits)}
    expected = 0.8 * (0.3 * 0.25 / 4 + 2 * 0.0625 / 4) + 0.2 * np.log1p(np.exp(-3))
    assert RobustViTLoss(variant="original_paper")(MAP, batch).item() == pytest.approx(expected)


def test_robustvits_own_form_asks_for_logits():
    with pytest.raises(KeyError, match="pred"):
        RobustViTLoss(variant="original_paper")(MAP, {"mask": MASK, "weight": ONE})


def test_res_by_hand():
    mask = F.interpolate(MASK, scale_factor=4, mode="nearest")
    batch = {"image": torch.zeros(1, 3, 8, 8), "mask": mask, "weight": ONE}
    cut = (1 - np.tanh(5 * (1.0 - 0.5)) + 1) / 2  # threshold 0.5, the lowest on the object
    meant = GaussianImputation()(mask, mask, (2, 2))
    near = (MAP - meant).abs().mean().item()
    assert RESLoss(patch_size=4)(MAP, batch).item() == pytest.approx(cut - 0.1 + near, rel=1e-5)
    outside = sum(1 + np.tanh(5 * (value - 0.5)) for value in (0.25, 0.0))
    assert RESLoss(patch_size=4, outside="negative")(MAP, batch).item() == pytest.approx(
        (2 * cut + outside) / 4 - 0.1 + near, rel=1e-5
    )


def test_res_compares_with_soft_masks_and_marked_pixels_as_they_are():
    values = torch.tensor([[[[0.5, 1.0], [-1.0, 0.0]]]])
    mask = F.interpolate(values, scale_factor=4, mode="nearest")
    batch = {"image": torch.zeros(1, 3, 8, 8), "mask": mask, "weight": ONE}
    cut = np.tanh(5 * (MAP.numpy().ravel() - 0.5))  # 0.5 parts the three pixels without error
    errors = np.abs(cut - [0.5, 1, -1, -1])
    for outside, counted in (("ignored", 3), ("negative", 4)):
        loss = RESLoss(patch_size=4, outside=outside)
        near = (MAP - loss.imputation(mask, mask, (2, 2))).abs().mean().item()
        expected = errors[:counted].mean() - 0.1 + near
        assert loss(MAP, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size", [96, 224, 256])
def test_res_takes_a_constant_map_for_no_map(size):
    mask = torch.zeros(2, 1, size, size)
    mask[..., : size // 2, :] = 1
    batch = {"image": torch.rand(2, 3, size, size), "mask": mask, "weight": torch.ones(2)}
    loss = RESLoss(patch_size=8)
    assert loss(torch.full_like(mask, 0.3), batch) == loss(torch.zeros_like(mask), batch)


def test_res_tolerates_its_margin():
    mask = F.interpolate(MASK, scale_factor=4, mode="nearest")
    batch = {"image": torch.zeros(1, 3, 8, 8), "mask": mask, "weight": ONE}
    loss = RESLoss(patch_size=4, margin=2.0)
    assert loss(MAP, batch).item() == pytest.approx((MAP - loss.imputation(mask, mask, (2, 2))).abs().mean().item())


def test_res_sees_the_patches_through_the_resized_map():
    grid = torch.rand(3, 1, 4, 4)
    image_map = F.interpolate(grid, size=(64, 64), mode="bilinear", align_corners=False)
    mask = (torch.rand(3, 1, 64, 64) > 0.5).float()
    batch = {"image": torch.rand(3, 3, 64, 64), "mask": mask, "weight": torch.ones(3)}
    torch.testing.assert_close(RESLoss()(image_map, batch), RESLoss()(grid, batch))


def test_only_learned_imputations_have_weights_and_they_get_gradients():
    counts = {name: len(list(RESLoss(name).parameters())) for name in ("gaussian", "original_gaussian")}
    assert counts == {"gaussian": 0, "original_gaussian": 0}
    for name in ("learned", "original_learned"):
        loss = RESLoss(name, patch_size=8)
        mask = (torch.rand(2, 1, 32, 32) > 0.5).float()
        loss(
            torch.rand(2, 1, 4, 4), {"image": torch.rand(2, 3, 32, 32), "mask": mask, "weight": torch.ones(2)}
        ).backward()
        assert all(parameter.grad is not None for parameter in loss.parameters())


def test_res_is_refused_where_the_batch_is_split(monkeypatch):
    monkeypatch.setattr(idist, "get_world_size", lambda: 2)
    with pytest.raises(RuntimeError, match="one process, got 2"):
        RESLoss()(MAP, {})


def test_gaussian_imputation_is_scipys_filter_at_the_patchs_first_pixel():
    mask = np.zeros((16, 16))
    mask[3:9, 5:12] = 1
    smoothed = gaussian_filter(mask, sigma=0.8, truncate=1 / 0.8, mode="mirror")  # three pixels wide
    found = GaussianImputation()(torch.tensor(mask)[None, None].float(), torch.zeros(1, 3, 16, 16), (4, 4))
    torch.testing.assert_close(found[0, 0], torch.tensor(smoothed[::4, ::4]).float(), atol=1e-6, rtol=1e-5)


def test_grid_imputation_is_scipys_mirrored_filter_over_its_maximum():
    mask = (torch.rand(2, 1, 12, 20) > 0.5).float()
    grid = F.interpolate(mask, size=(3, 5), mode="nearest").numpy()
    smoothed = correlate(grid, np.outer([1, 2, 1], [1, 2, 1])[None, None] / 16, mode="mirror")
    expected = torch.tensor(smoothed / smoothed.max(axis=(2, 3), keepdims=True))
    for given in (mask, mask.where(mask > 0, -1.0)):  # what is marked as no object means none
        torch.testing.assert_close(GridGaussianImputation()(given, mask, (3, 5)), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("grid_hw", [(1, 1), (1, 4), (4, 4)])
def test_an_object_everywhere_means_everywhere(grid_hw):
    mask = torch.ones(1, 1, 16, 16)
    assert torch.equal(GridGaussianImputation()(mask, mask, grid_hw), torch.ones(1, 1, *grid_hw))


def test_learned_imputation_spans_0_to_1_over_the_batch():
    mask = (torch.rand(3, 1, 32, 32) > 0.5).float()
    found = LearnedImputation(8, 3)(mask, torch.rand(3, 3, 32, 32), (4, 4))
    assert found.shape == (3, 1, 4, 4)
    assert found.min() == 0
    assert float(found.max().detach()) in (0.0, pytest.approx(1, abs=1e-3))


def test_one_convolution_spans_0_to_1_in_every_slice_and_sees_a_mask_of_two_values():
    mask = (torch.rand(3, 1, 32, 32) > 0.5).float()
    imputation = OneConvolutionImputation(8)
    found = imputation(mask, torch.rand(3, 3, 32, 32), (4, 4))
    assert found.shape == (3, 1, 4, 4)
    assert found.amin(dim=(1, 2, 3)).tolist() == [0] * 3
    assert found.amax(dim=(1, 2, 3)).tolist() == pytest.approx([1] * 3, abs=1e-3)
    assert torch.equal(imputation(mask / 2, mask, (4, 4)), found)


@pytest.mark.parametrize("image_hw", [(40, 56), (37, 53)])
def test_res_takes_images_that_patches_do_not_fill(image_hw):
    mask = (torch.rand(2, 1, *image_hw) > 0.5).float()
    batch = {"image": torch.rand(2, 3, *image_hw), "mask": mask, "weight": torch.ones(2)}
    for imputation in ("gaussian", "learned", "original_gaussian", "original_learned"):
        assert RESLoss(imputation)(torch.rand(2, 1, *image_hw), batch).isfinite()


@pytest.mark.parametrize(("grid_hw", "image_hw"), [((16, 16), (256, 256)), ((3, 5), (24, 40)), ((4, 4), (10, 7))])
def test_patch_grid_undoes_the_resize(grid_hw, image_hw):
    grid = torch.rand(2, 1, *grid_hw)
    maps = F.interpolate(grid, size=image_hw, mode="bilinear", align_corners=False)
    torch.testing.assert_close(patch_grid(maps, grid_hw), grid, atol=1e-5, rtol=1e-5)
