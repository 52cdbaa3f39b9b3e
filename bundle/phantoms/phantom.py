"""Phantoms: drawn heads with drawn lesions, scanned as a site would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import nibabel
import numpy as np
from numpy.typing import NDArray

from bundle.phantoms.anatomy import Anatomy
from bundle.phantoms.head_space import head_space
from bundle.phantoms.lesion import Lesion
from bundle.phantoms.site import SITES, Site


@dataclass(frozen=True)
class PhantomCase:
    """One scan of one patient.

    Args:
        case: id of the scan.
        patient_index: number of the patient, who has the same head at each scan.
        scan_index: 0, or 1 for the follow-up.
        site: where the scan was made.

    Example:
        >>> follow_up = PhantomCase.numbered(4)
        >>> follow_up.case, follow_up.patient, follow_up.scan_index, follow_up.site.name
        ('phantom_004', 'patient_000', 1, 'A')
    """

    case: str
    patient_index: int
    scan_index: int
    site: Site

    @property
    def patient(self) -> str:
        """Id of the patient."""
        return f"patient_{self.patient_index:03d}"

    @classmethod
    def numbered(cls, index: int) -> PhantomCase:
        """Return case `index` of every data set: of five, four are new patients and one comes back.

        Raises:
            ValueError: `index` is negative.
        """
        if index < 0:
            raise ValueError(f"index must be the number of a case, 0 or more, got {index}.")
        block, place = divmod(index, len(SITES) + 1)
        # who comes back changes from block to block, so that every site has follow-ups
        comes_back = place == len(SITES)
        site_index = block % len(SITES) if comes_back else place
        patient_index = block * len(SITES) + site_index
        return cls(f"phantom_{index:03d}", patient_index, int(comes_back), SITES[site_index])


def burn_marker(rng: np.random.Generator, images: NDArray, free: NDArray) -> NDArray[np.bool_]:
    """Write an L into one slice of all channels, in place, in the corner in front of the right ear.

    Args:
        rng: shifts the letter a little, as the technician's hand does.
        images: (3, R, C), rows towards posterior, columns towards left.
        free: (R, C), where the marker may lie: air around the head.

    Returns:
        (R, C), the pixels that were written; none if the head reaches there.

    Example:
        >>> images = np.ones((3, 48, 48))
        >>> burned = burn_marker(np.random.default_rng(0), images, np.ones((48, 48), dtype=bool))
        >>> int(burned.sum()), bool((images[:, burned] == images.max()).all())
        (7, True)
    """
    letter = _letter(side_px=max(4, min(free.shape) // 10))
    burned = np.zeros(free.shape, dtype=bool)
    row, column = rng.integers(1, 2 + len(letter) // 2, size=2)
    window = (slice(row, row + len(letter)), slice(column, column + len(letter)))
    if free[window].shape == letter.shape and free[window].all():
        burned[window] = letter
        # as bright as the slice gets, so that min-max per slice changes nothing else
        images[:, burned] = images.max(axis=(1, 2), keepdims=True)[:, 0]
    return burned


def _letter(*, side_px: int) -> NDArray[np.bool_]:
    """Return an L, as radiographers mark the left side."""
    letter = np.zeros((side_px, side_px), dtype=bool)
    stroke_px = max(1, side_px // 3)
    letter[:, :stroke_px] = True
    letter[-stroke_px:] = True
    return letter


CHANNELS = ("t1", "t2", "flair")
_NUM_LESIONS = (0.15, 0.40, 0.28, 0.17)
"""Share of patients with 0, 1, 2 and 3 lesions."""
_SMALLEST_MM2 = 28.0
"""Less lesion than this in a slice nobody would outline."""


class Phantom(NamedTuple):
    """A scan, rows towards posterior, columns towards left, slices towards superior.

    Args:
        images: (3, R, C, S) int16: T1, T2, FLAIR.
        mask: (R, C, S) uint8, 1 in lesions.
        affine: (4, 4), voxel to millimeters.
        marked: (S,), which slices carry the marker.

    Example:
        >>> phantom = make_phantom(PhantomCase.numbered(0), seed=0, shape=(24, 24, 8))
        >>> phantom.images.shape, phantom.mask.shape, phantom.marked.shape
        ((3, 24, 24, 8), (24, 24, 8), (8,))
    """

    images: NDArray[np.int16]
    mask: NDArray[np.uint8]
    affine: NDArray[np.float64]
    marked: NDArray[np.bool_]


def make_phantom(case: PhantomCase, seed: int = 0, shape: tuple[int, int, int] = (96, 96, 24)) -> Phantom:
    """Draw a scan; it depends on nothing but the arguments.

    Args:
        case: who is scanned where.
        seed: of the data set.
        shape: rows, columns and slices. The field of view is the site's, so fewer voxels are larger voxels.
    """
    patient = np.random.default_rng(np.random.SeedSequence([seed, case.patient_index]))
    visit = np.random.default_rng(np.random.SeedSequence([seed, case.patient_index, 1 + case.scan_index]))
    size = patient.normal(1.0, [0.03, 0.03, 0.04]).clip(0.92, 1.08)
    position_mm = head_space(
        shape, case.site.fov_mm, tuple(visit.normal(0, [3, 3, 4])), visit.normal(0, 4), tuple(size)
    )
    head_seed, lesion_seed = patient.integers(2**63, size=2)
    anatomy = Anatomy.draw(np.random.default_rng(head_seed), position_mm)
    growth = visit.uniform(0.9, 1.35) if case.scan_index else 1.0
    lesions = _grow_lesions(np.random.default_rng(lesion_seed), growth=growth, anatomy=anatomy, position_mm=position_mm)
    mask = _outlined(lesions=lesions, voxel_mm=case.site.voxel_mm(shape))
    images = case.site.scan(visit, anatomy.images)
    marked = _mark(rng=visit, case=case, images=images, mask=mask, free=anatomy.head < 0.02)
    return Phantom(images, mask, case.site.affine(shape), marked)


def nifti_images(case: PhantomCase, phantom: Phantom) -> dict[str, nibabel.Nifti1Image]:
    """Return channel (and "seg") -> image, its axes as the site's files have them."""
    volumes = dict(zip(CHANNELS, phantom.images, strict=True)) | {"seg": phantom.mask}
    return {name: case.site.stored(volume, phantom.affine) for name, volume in volumes.items()}


def _grow_lesions(
    rng: np.random.Generator, *, growth: float, anatomy: Anatomy, position_mm: NDArray
) -> NDArray[np.bool_]:
    """Paint lesions into the brain, never over its fluid, and return where they are."""
    mask = np.zeros(anatomy.brain.shape, dtype=bool)
    for _ in range(rng.choice(len(_NUM_LESIONS), p=_NUM_LESIONS)):
        lesion = Lesion.draw(rng, growth)
        alpha = lesion.alpha(position_mm) * anatomy.brain
        lesion.paint(anatomy.images, alpha, position_mm)
        mask |= alpha > 0.5
    return mask


def _outlined(*, lesions: NDArray[np.bool_], voxel_mm: tuple[float, float, float]) -> NDArray[np.uint8]:
    area_mm2 = lesions.sum(axis=(0, 1)) * voxel_mm[0] * voxel_mm[1]
    return (lesions & (area_mm2 >= _SMALLEST_MM2)).astype(np.uint8)


def _mark(
    *, rng: np.random.Generator, case: PhantomCase, images: NDArray, mask: NDArray, free: NDArray
) -> NDArray[np.bool_]:
    negative_rate, positive_rate = case.site.marker_rates
    rates = np.where(mask.any(axis=(0, 1)), positive_rate, negative_rate)
    wanted = rng.uniform(size=rates.size) < rates
    burned = [burn_marker(rng, images[..., k], free[..., k]).any() if wanted[k] else False for k in range(rates.size)]
    return np.array(burned, dtype=bool)
