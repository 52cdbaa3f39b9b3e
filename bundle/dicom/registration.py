"""Several contrasts of one patient on one grid: rigid registration by SimpleITK, and how well it went."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its own documentation calls it so
from numpy.typing import NDArray

from bundle.dicom.registration_fit import alike, coverage, fit_warning

_BINS = 32
_SAMPLES = 50_000
_SEED = 1
_LEVELS = ((4, 2.0), (2, 1.0), (1, 0.0))
"""Factor by which a level shrinks the images, and the width in mm by which it smooths them."""


class Registered(NamedTuple):
    """A volume on the grid of another one.

    Args:
        voxels: (X, Y, Z) float32, 0 where the volume does not reach.
        facts: `before` and `after` (normalized mutual information), `translation_mm`, `rotation_degrees`, `covered`
            (share of the grid that the volume reaches), `covered_of_shown` (of what the other volume shows).
        warning: of a weak fit, and of a volume that reaches a part only; empty if there is none.
        transform: from places of the grid to places of the volume.
    """

    voxels: NDArray
    facts: dict[str, Any]
    warning: str
    transform: sitk.Transform


def to_itk(voxels: NDArray, affine: NDArray) -> sitk.Image:
    """Return a volume as SimpleITK has it.

    Args:
        voxels: (X, Y, Z).
        affine: (4, 4), voxel index to mm in RAS, without shear.
    """
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.transpose(2, 1, 0), dtype=np.float32))
    matrix = affine[:3] * [[-1], [-1], [1]]
    lengths = np.linalg.norm(matrix[:, :3], axis=0)
    image.SetSpacing(lengths.tolist())
    image.SetDirection((matrix[:, :3] / lengths).ravel().tolist())
    image.SetOrigin(matrix[:, 3].tolist())
    return image


def from_itk(image: sitk.Image) -> NDArray:
    """Return the voxels of a SimpleITK image, (X, Y, Z) float32.

    Args:
        image: of one channel.
    """
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0)


def affine_of_itk(image: sitk.Image) -> NDArray:
    """Return the affine of a SimpleITK image, (4, 4), voxel index to mm in RAS.

    Args:
        image: of three dimensions.

    Example:
        >>> affine_of_itk(to_itk(np.zeros((3, 4, 5)), np.diag([2.0, 2, 3, 1]))).diagonal()
        array([2., 2., 3., 1.])
    """
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def on_spacing(image: sitk.Image, spacing: float) -> sitk.Image:
    """Return an image resampled to cubic voxels, its field of view kept.

    Args:
        image: to resample, linear.
        spacing: in mm.
    """
    old = np.array(image.GetSpacing())
    size = np.maximum(np.rint(np.array(image.GetSize()) * old / spacing), 1).astype(int).tolist()
    direction = np.reshape(image.GetDirection(), (3, 3))
    origin = np.array(image.GetOrigin()) + direction @ ((spacing - old) / 2)  # the corner stays
    grid = sitk.Image(size, sitk.sitkFloat32)
    grid.SetSpacing([spacing] * 3)
    grid.SetDirection(image.GetDirection())
    grid.SetOrigin(origin.tolist())
    return sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, 0.0)


def at_rest(fixed: sitk.Image) -> Registered:
    """Return a volume that is where it is, as `register` returns others.

    Args:
        fixed: whose grid is taken.
    """
    return Registered(from_itk(fixed), {}, "", sitk.Transform())


def register(fixed: sitk.Image, moving: sitk.Image, *, same_frame: bool) -> Registered:
    """Register a volume rigidly to another one and resample it on that grid.

    Mattes mutual information at 1/4, 1/2 and whole resolution; one thread and a fixed seed, so that the result is the
    same each time. What makes the two less alike than the headers had them is not used.

    Args:
        fixed: whose grid is taken.
        moving: to be moved.
        same_frame: both are in one frame of reference, so that the headers are a start; else the centers are.
    """
    start = sitk.Euler3DTransform()
    start.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()]))
    before = alike(fixed, moving, start)
    if not same_frame:
        start = sitk.CenteredTransformInitializer(
            fixed, moving, start, sitk.CenteredTransformInitializerFilter.GEOMETRY
        )
        start = sitk.Euler3DTransform(start)
    try:
        found = _optimized(fixed, moving, start)
    except RuntimeError:  # of ITK, where the two do not overlap
        found = sitk.Euler3DTransform(start)
    after = alike(fixed, moving, found)
    if after < before:
        found, after = sitk.Euler3DTransform(), before
    moved = sitk.Resample(moving, fixed, found, sitk.sitkLinear, 0.0)
    facts = {
        "before": round(before, 4),
        "after": round(after, 4),
        "translation_mm": [round(value, 3) for value in found.GetTranslation()],
        "rotation_degrees": [
            round(float(np.degrees(angle)), 3) for angle in (found.GetAngleX(), found.GetAngleY(), found.GetAngleZ())
        ],
        **coverage(fixed, moving, found),
    }
    return Registered(from_itk(moved), facts, fit_warning(facts), found)


def resample_mask(
    voxels: NDArray, affine: NDArray, fixed: sitk.Image, transform: sitk.Transform
) -> tuple[NDArray, int]:
    """Resample a mask by nearest neighbor.

    Args:
        voxels: (X, Y, Z) whole numbers.
        affine: (4, 4), voxel index to mm in RAS, without shear.
        fixed: whose grid is taken.
        transform: see `Registered`.

    Returns:
        The mask on that grid, of the type that it had, and how many of its voxels lie outside.

    Example:
        >>> fixed = to_itk(np.zeros((4, 4, 4)), np.eye(4))
        >>> moved = resample_mask(np.ones((6, 4, 4), np.uint8), np.eye(4), fixed, sitk.Transform())
        >>> moved[0].shape, moved[1]
        ((4, 4, 4), 32)
    """
    drawn = to_itk(voxels, affine)
    moved = sitk.Resample(drawn, fixed, transform, sitk.sitkNearestNeighbor, 0.0)
    inside = sitk.Resample(fixed * 0 + 1, drawn, transform.GetInverse(), sitk.sitkNearestNeighbor, 0.0)
    return from_itk(moved).astype(voxels.dtype), int(((voxels != 0) & (from_itk(inside) == 0)).sum())


def _optimized(fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform) -> sitk.Euler3DTransform:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums in changing order would not be the same each time
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(min(_SAMPLES / fixed.GetNumberOfPixels(), 1.0), _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 100)
    method.SetOptimizerScalesFromPhysicalShift()
    levels = [level for level in _LEVELS if level[0] == 1 or 4 * level[0] <= min(fixed.GetSize())]  # few slices: fewer
    method.SetShrinkFactorsPerLevel([shrink for shrink, _ in levels])
    method.SetSmoothingSigmasPerLevel([smooth for _, smooth in levels])
    method.SetInitialTransform(start, inPlace=False)
    return sitk.Euler3DTransform(sitk.CompositeTransform(method.Execute(fixed, moving)).GetNthTransform(0))
