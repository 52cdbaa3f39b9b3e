"""Map scores on maps worked by hand."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from bundle.metrics import center_prior, iou_curve, map_energy, map_scores, pointing_game


def as_maps(*rows):
    return torch.tensor(rows, dtype=torch.float32)[:, None, None]  # (B, 1, 1, W)


def test_energy_by_hand():
    share, ratio = map_energy(as_maps([0, 1, 1, 2]), as_maps([0, 0, 0, 1]))
    assert share.item() == pytest.approx(0.5)
    assert ratio.item() == pytest.approx(2.0)


def test_energy_does_not_depend_on_scale_and_offset():
    maps, masks = torch.rand(3, 1, 8, 8), (torch.rand(3, 1, 8, 8) > 0.7).float()
    torch.testing.assert_close(map_energy(maps * 5 - 3, masks), map_energy(maps, masks))


def test_a_constant_map_knows_nothing():
    maps, masks = torch.full((1, 1, 1, 4), -2.0), as_maps([0, 0, 0, 1])
    assert map_energy(maps, masks)[1].item() == pytest.approx(1.0)
    assert pointing_game(maps, masks).item() == pytest.approx(0.25)
    assert iou_curve(maps, masks, [0.5]).item() == 0.0


def test_pointing_by_hand():
    maps, masks = as_maps([0, 3, 1], [3, 0, 1], [2, 2, 0]), as_maps([0, 1, 0], [0, 1, 0], [1, 0, 0])
    assert pointing_game(maps, masks).tolist() == [1.0, 0.0, 0.5]


def test_iou_is_that_of_sklearn():
    torch.manual_seed(0)
    maps, masks = torch.rand(2, 1, 6, 6) * 4 - 1, (torch.rand(2, 1, 6, 6) > 0.5).to(torch.uint8)
    found = iou_curve(maps, masks, [0.3, 0.6])
    for one, mask, curve in zip(maps.numpy(), masks.numpy(), found, strict=True):
        scaled = (one - one.min()) / (one.max() - one.min())
        expected = [jaccard_score(mask.ravel(), (scaled >= value).ravel()) for value in (0.3, 0.6)]
        np.testing.assert_allclose(curve, expected, atol=1e-6)


def test_slices_of_a_batch_do_not_meet():
    torch.manual_seed(0)
    maps, masks = torch.randn(4, 1, 8, 8), (torch.rand(4, 1, 8, 8) > 0.8).float()
    whole = map_scores(maps, masks)
    for i in range(4):
        for name, values in map_scores(maps[i : i + 1], masks[i : i + 1]).items():
            torch.testing.assert_close(values[0], whole[name][i])


def test_an_empty_mask_is_nan_everywhere():
    for values in map_scores(torch.rand(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)).values():
        assert values.isnan().all()


def test_shapes_are_compared():
    with pytest.raises(ValueError, match=r"got \(1, 1, 4, 4\) and \(1, 1, 4, 5\)"):
        map_scores(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))


def test_center_prior_is_a_gaussian():
    prior = center_prior((9, 17))
    assert prior.shape == (1, 1, 9, 17)
    assert prior[0, 0, 4, 8] == prior.max() == 1.0
    assert prior[0, 0, 4, 11].item() == pytest.approx(math.exp(-9 / (2 * 2.25**2)))
    torch.testing.assert_close(prior, prior.flip(2, 3))
    torch.testing.assert_close(prior[0, 0, 4, 5], prior[0, 0, 1, 8])  # isotropic
