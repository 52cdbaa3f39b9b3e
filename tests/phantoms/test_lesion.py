import numpy as np
from scipy.ndimage import label

from bundle.phantoms import Lesion
from bundle.phantoms.head_space import head_space

POSITION_MM = head_space((60, 60, 60), (120.0, 120.0, 120.0))


def lesion(**changes):
    settings = {"contrast": 0.4, "edge_mm": 1.0, "shape_seed": 1} | changes
    return Lesion((5.0, -10.0, 0.0), (12.0, 10.0, 14.0), **settings)


def test_a_lesion_has_about_the_volume_of_its_ellipsoid():
    volume_mm3 = (lesion().alpha(POSITION_MM) > 0.5).sum() * 8
    assert 0.6 < volume_mm3 / (4 / 3 * np.pi * 12 * 10 * 14) < 1.6


def test_a_lesion_lies_at_its_center_in_one_piece():
    inside = lesion().alpha(POSITION_MM) > 0.5
    pieces, count = label(inside)
    sizes = np.bincount(pieces.ravel())[1:]
    assert sizes.max() > 0.95 * inside.sum()
    np.testing.assert_allclose(POSITION_MM[:, inside].mean(axis=1), [5, -10, 0], atol=4)
    assert count >= 1


def test_dark_in_t1_and_bright_in_t2_and_flair_in_proportion_to_the_contrast():
    changes = []
    for contrast in (0.1, 0.4):
        images = np.full((3, *POSITION_MM.shape[1:]), 0.5, dtype=np.float32)
        drawn = lesion(contrast=contrast)
        drawn.paint(images, drawn.alpha(POSITION_MM), POSITION_MM)
        changes.append(images[:, 32, 25, 30] - 0.5)
    assert changes[1][0] < 0 < changes[1][1]
    np.testing.assert_allclose(changes[1][2], 0.4, atol=0.01)
    np.testing.assert_allclose(changes[1], 4 * changes[0], rtol=1e-3)


def test_a_core_is_dark_in_flair():
    images = np.full((3, *POSITION_MM.shape[1:]), 0.5, dtype=np.float32)
    drawn = lesion(has_core=True)
    drawn.paint(images, drawn.alpha(POSITION_MM), POSITION_MM)
    assert images[2, 32, 25, 30] < 0.5 < images[2].max()


def test_drawn_lesions_vary_and_growth_changes_size_alone():
    drawn = [Lesion.draw(np.random.default_rng(seed)) for seed in range(200)]
    contrasts = np.array([one.contrast for one in drawn])
    assert contrasts.min() < 0.15 < 0.4 < contrasts.max()
    radii = np.array([np.mean(one.semi_axes_mm) for one in drawn])
    assert radii.max() > 2.5 * radii.min()
    grown = Lesion.draw(np.random.default_rng(0), growth=2.0)
    np.testing.assert_allclose(grown.semi_axes_mm, 2 * np.array(drawn[0].semi_axes_mm))
    assert (grown.center_mm, grown.shape_seed) == (drawn[0].center_mm, drawn[0].shape_seed)
    assert {one.has_core for one in drawn} == {False, True}
