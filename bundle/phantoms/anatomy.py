"""Healthy heads, as a T1, a T2 and a FLAIR scan see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bundle.phantoms.head_space import Ellipsoid, smooth_field

# (T1, T2, FLAIR); 1 is the brightest tissue of the channel
_AIR = (0.0, 0.0, 0.0)
_FAT = (0.95, 0.62, 0.55)
_MUSCLE = (0.40, 0.25, 0.28)
_BONE = (0.09, 0.07, 0.07)
_CSF = (0.14, 0.98, 0.10)
_GRAY = (0.47, 0.56, 0.56)
_DEEP_GRAY = (0.55, 0.50, 0.53)
_WHITE = (0.70, 0.40, 0.43)
_VESSEL = (0.72, 0.72, 0.80)
_CAP = (0.60, 0.62, 0.82)

_FOLD_MM = 30.0
"""Distance from every second sulcus to the next."""

_HEAD = Ellipsoid((0.0, 0.0, -28.0), (98.0, 78.0, 107.0))
CEREBRUM = Ellipsoid((0.0, 0.0, 2.0), (83.0, 65.0, 62.0))
TEMPORAL_LOBE = Ellipsoid((-10.0, 41.0, -27.0), (38.0, 21.0, 25.0))
CEREBELLUM = Ellipsoid((50.0, 0.0, -40.0), (28.0, 46.0, 22.0))
_BRAIN_STEM = Ellipsoid((20.0, 0.0, -45.0), (14.0, 15.0, 40.0))
_EYE = Ellipsoid((-70.0, 32.0, -40.0), (12.0, 12.0, 12.0))
_SINUS = Ellipsoid((-66.0, 0.0, -48.0), (20.0, 13.0, 20.0))
_THALAMUS = Ellipsoid((10.0, 11.0, 2.0), (14.0, 8.0, 9.0))
_PUTAMEN = Ellipsoid((-10.0, 25.0, 0.0), (19.0, 6.0, 10.0))


@dataclass(frozen=True)
class Anatomy:
    """A healthy head.

    Args:
        images: (3, R, C, S), T1, T2 and FLAIR, 0 is air and 1 the brightest tissue.
        brain: (R, C, S) in [0, 1], how much of a voxel is brain tissue.
        head: (R, C, S) in [0, 1], how much of a voxel is not air around the head.

    Example:
        >>> from bundle.phantoms.head_space import head_space
        >>> anatomy = Anatomy.draw(np.random.default_rng(0), head_space((16, 16, 8), (192.0, 192.0, 115.0)))
        >>> anatomy.images.shape, bool(anatomy.brain[8, 4, 4] > 0.9)
        ((3, 16, 16, 8), True)
    """

    images: NDArray[np.float32]
    brain: NDArray[np.float32]
    head: NDArray[np.float32]

    @classmethod
    def draw(cls, rng: np.random.Generator, position_mm: NDArray) -> Anatomy:
        """Draw the head of a patient: folds, ventricles, caps and vessels differ between patients.

        Args:
            rng: the patient's.
            position_mm: (3, R, C, S), from `head_space`.
        """
        images = np.zeros((3, *position_mm.shape[1:]), dtype=np.float32)
        wobble = 1.2 * smooth_field(rng, position_mm, wavelength_mm=90.0)
        depth = _brain_depth_mm(position_mm=position_mm) + wobble
        head = _soft(depth_mm=np.maximum(_HEAD.depth_mm(position_mm), depth + 12))
        _paint_skull(images=images, position_mm=position_mm, depth_mm=depth, head=head)
        brain = _paint_brain(rng=rng, images=images, position_mm=position_mm, depth_mm=depth)
        brain = brain * (1 - _paint_ventricles(rng=rng, images=images, position_mm=position_mm))
        _paint_vessels(rng=rng, images=images, position_mm=position_mm)
        return cls(images, brain, head)


def _paint(*, images: NDArray, alpha: NDArray, tissue: tuple[float, float, float]) -> None:
    """Lay a tissue over the images, in place; `alpha` (R, C, S) is its share of each voxel."""
    for image, value in zip(images, tissue, strict=True):
        image += alpha * (np.float32(value) - image)


def _soft(*, depth_mm: NDArray, edge_mm: float = 0.8) -> NDArray:
    """Depth below a surface -> share of the voxel: 0 outside, 1 inside, one half on the surface."""
    return 1 / (1 + np.exp(np.clip(-depth_mm / edge_mm, -30, 30)))


def _brain_depth_mm(*, position_mm: NDArray) -> NDArray:
    # the lower face of the cerebrum is flatter than the upper
    flattened = position_mm.copy()
    flattened[2] = np.where(position_mm[2] < 0, position_mm[2] * 1.9, position_mm[2])
    solids = (TEMPORAL_LOBE, TEMPORAL_LOBE.mirrored(), CEREBELLUM, _BRAIN_STEM)
    return np.maximum.reduce([CEREBRUM.depth_mm(flattened), *(solid.depth_mm(position_mm) for solid in solids)])


def _paint_skull(*, images: NDArray, position_mm: NDArray, depth_mm: NDArray, head: NDArray) -> None:
    _paint(images=images, alpha=head, tissue=_FAT)
    _paint(images=images, alpha=_soft(depth_mm=_HEAD.depth_mm(position_mm) - 5), tissue=_MUSCLE)
    for eye in (_EYE, _EYE.mirrored()):
        _paint(images=images, alpha=_soft(depth_mm=eye.depth_mm(position_mm)), tissue=_CSF)
    _paint(images=images, alpha=_soft(depth_mm=_SINUS.depth_mm(position_mm)), tissue=_AIR)
    _paint(images=images, alpha=_soft(depth_mm=depth_mm + 9), tissue=_BONE)
    _paint(images=images, alpha=_soft(depth_mm=depth_mm + 3), tissue=_CSF)


def _paint_brain(
    *, rng: np.random.Generator, images: NDArray, position_mm: NDArray, depth_mm: NDArray
) -> NDArray[np.float32]:
    folds = smooth_field(rng, position_mm, wavelength_mm=_FOLD_MM, num_waves=32)
    # sulci are the sheets where the field changes its sign; they reach so deep and end
    to_sheet = np.abs(folds) * np.float32(_FOLD_MM / (2 * np.pi))
    to_fissure = np.abs(position_mm[1] + 0.8 * folds) + 30 * (position_mm[2] < -12)
    cortex = np.minimum(to_sheet + (depth_mm - 13).clip(0), to_fissure + (depth_mm - 22).clip(0))
    cortex = np.minimum(depth_mm, cortex)
    gray = _soft(depth_mm=cortex - 0.8, edge_mm=0.5)
    _paint(images=images, alpha=gray, tissue=_GRAY)
    _paint(images=images, alpha=_soft(depth_mm=cortex - 4.2), tissue=_WHITE)
    for solid in (_THALAMUS, _PUTAMEN):
        for side in (solid, solid.mirrored()):
            _paint(images=images, alpha=_soft(depth_mm=side.depth_mm(position_mm) + 0.7 * folds), tissue=_DEEP_GRAY)
    return gray


def _paint_ventricles(*, rng: np.random.Generator, images: NDArray, position_mm: NDArray) -> NDArray[np.float32]:
    width = rng.uniform(0.7, 1.5)
    bent = position_mm.copy()
    # the horns turn outward
    bent[1] = np.abs(position_mm[1]) - 0.006 * position_mm[0] ** 2
    lateral = Ellipsoid((2.0, 8.0, 15.0), (36.0, 6.0 * width, 10.0 * width)).depth_mm(bent)
    third = Ellipsoid((6.0, 0.0, 0.0), (14.0, 2.2 * width, 10.0)).depth_mm(position_mm)
    fourth = Ellipsoid((37.0, 0.0, -38.0), (6.0, 8.0 * width, 8.0)).depth_mm(position_mm)
    for posterior in (-34.0, 37.0):
        cap = Ellipsoid((posterior, 8.0, 15.0), (rng.uniform(4, 9), rng.uniform(4, 7), rng.uniform(5, 9)))
        alpha = rng.uniform(0.2, 1.0) * _soft(depth_mm=cap.depth_mm(bent), edge_mm=1.2)
        _paint(images=images, alpha=alpha, tissue=_CAP)
    fluid = _soft(depth_mm=np.maximum.reduce([lateral, third, fourth]))
    _paint(images=images, alpha=fluid, tissue=_CSF)
    return fluid


def _paint_vessels(*, rng: np.random.Generator, images: NDArray, position_mm: NDArray) -> None:
    for _ in range(rng.integers(6, 14)):
        direction = rng.normal(size=3)
        place = 0.93 * np.asarray(CEREBRUM.semi_axes_mm) * direction / np.linalg.norm(direction)
        thickness = rng.uniform(1.5, 3.0, size=2)
        vessel = Ellipsoid(
            (float(place[0]), float(place[1]), abs(float(place[2]))), (thickness[0], thickness[1], rng.uniform(4, 12))
        )
        _paint(images=images, alpha=_soft(depth_mm=vessel.depth_mm(position_mm), edge_mm=0.6), tissue=_VESSEL)
