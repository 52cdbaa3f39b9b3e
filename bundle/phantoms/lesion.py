"""Lesions, the objects that the classifier has to find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bundle.phantoms.anatomy import CEREBELLUM, CEREBRUM, TEMPORAL_LOBE
from bundle.phantoms.head_space import Ellipsoid, Triple, smooth_field

_CHANGE = np.array([-0.55, 0.85, 1.0], dtype=np.float32)
"""Change of T1, T2 and FLAIR by a lesion of contrast 1."""
_CORE_CHANGE = np.array([-0.9, 1.0, -0.35], dtype=np.float32)
_HOMES = (CEREBRUM, TEMPORAL_LOBE, TEMPORAL_LOBE.mirrored(), CEREBELLUM)
_HOME_RATES = (0.76, 0.08, 0.08, 0.08)


@dataclass(frozen=True)
class Lesion:
    """A blob: dark in T1, bright in T2 and FLAIR; large ones may have a core that is dark in FLAIR.

    Args:
        center_mm: (posterior, left, superior) in the head.
        semi_axes_mm: in the same order.
        contrast: change of FLAIR, where 1 is the brightest healthy tissue; 0.1 is faint.
        edge_mm: width of the border.
        shape_seed: of the blob's irregular surface.
        has_core: True for a lesion with fluid in its center.

    Example:
        >>> lesion = Lesion((0.0, 0.0, 0.0), (9.0, 9.0, 9.0), contrast=0.4, edge_mm=1.0, shape_seed=0)
        >>> bool(lesion.alpha(np.zeros((3, 1, 1, 1)))[0, 0, 0] > 0.99)
        True
    """

    center_mm: Triple
    semi_axes_mm: Triple
    contrast: float
    edge_mm: float
    shape_seed: int
    has_core: bool = False

    @classmethod
    def draw(cls, rng: np.random.Generator, growth: float = 1.0) -> Lesion:
        """Draw a lesion somewhere in the brain; `growth` scales its diameter without changing what is drawn."""
        radius = float(np.exp(rng.uniform(np.log(6.0), np.log(22.0))))
        semi_axes = growth * radius * rng.uniform(0.75, 1.3, size=3)
        return cls(
            center_mm=_place_mm(rng=rng),
            semi_axes_mm=(float(semi_axes[0]), float(semi_axes[1]), float(semi_axes[2])),
            contrast=float(rng.uniform(0.12, 0.60)),
            edge_mm=float(rng.uniform(0.6, 2.0)),
            shape_seed=int(rng.integers(2**31)),
            has_core=bool(rng.uniform() < 0.5 and radius > 9),
        )

    def alpha(self, position_mm: NDArray) -> NDArray[np.float32]:
        """(3, R, C, S) positions -> (R, C, S) in [0, 1], how much of each voxel is lesion."""
        return self._share(position_mm, shrink_mm=0.0)

    def paint(self, images: NDArray, alpha: NDArray, position_mm: NDArray) -> None:
        """Add the lesion to (3, R, C, S) images in place, as far as `alpha` (R, C, S) lets it."""
        change = _CHANGE.reshape(3, 1, 1, 1) * alpha
        if self.has_core:
            core = self._share(position_mm, shrink_mm=0.5 * min(self.semi_axes_mm)) * alpha
            change = change + core * (_CORE_CHANGE - _CHANGE).reshape(3, 1, 1, 1)
        images += np.float32(self.contrast) * change
        np.clip(images, 0, None, out=images)

    def _share(self, position_mm: NDArray, *, shrink_mm: float) -> NDArray[np.float32]:
        size = float(np.mean(self.semi_axes_mm))
        depth = Ellipsoid(self.center_mm, self.semi_axes_mm).depth_mm(position_mm)
        rough = smooth_field(np.random.default_rng(self.shape_seed), position_mm, 1.4 * size, num_waves=10)
        depth = depth - shrink_mm + 0.14 * size * rough
        return (1 / (1 + np.exp(np.clip(-depth / self.edge_mm, -30, 30)))).astype(np.float32)


def _place_mm(*, rng: np.random.Generator) -> Triple:
    home = _HOMES[rng.choice(len(_HOMES), p=_HOME_RATES)]
    direction = rng.normal(size=3)
    reach = 0.9 * np.cbrt(rng.uniform(0.05, 1.0)) / np.linalg.norm(direction)
    offset = np.asarray(home.semi_axes_mm) * direction * reach
    if home is CEREBRUM:
        offset[2] = 1.1 * abs(offset[2]) - 14  # its lower half is flat
    posterior, left, superior = (float(value) for value in np.asarray(home.center_mm) + offset)
    return posterior, left, superior
