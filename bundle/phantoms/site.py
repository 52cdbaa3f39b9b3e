"""Scanners and habits of four hospitals."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from bundle.phantoms.head_space import smooth_field

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Site:
    """Appearance of a hospital's images as its scanner makes them.

    Args:
        name: as it stands in cases.csv.
        gamma: exponent of each channel, contrast of T1, T2 and FLAIR.
        brightness: stored value of the brightest healthy tissue, before the bias field.
        bias: standard deviation of the logarithm of the bias field.
        noise: standard deviation of the noise in each part of the complex signal; 1 is the brightest healthy tissue.
        blur_mm: standard deviation of the blur in the plane of the slices.
        fov_mm: extent of a scan along posterior, left and superior.
        axcodes: direction of the axes in the file; the third is always that of the slices.
        tilt_deg: angle of the slices against the axis from front to back.
        marker_rates: share of the negative and of the positive slices that carry the burned-in marker.

    Raises:
        ValueError: the slices do not lie along the third axis.

    Example:
        >>> flat = Site("flat", (1.0, 1.0, 1.0), 100.0, 0.0, 0.0, 0.0, (8.0, 8.0, 4.0), "LPS", 0.0, (0.0, 0.0))
        >>> flat.scan(np.random.default_rng(0), np.full((3, 4, 4, 2), 0.5, np.float32))[0, 0, 0, 0]
        np.int16(50)
    """

    name: str
    gamma: Triple
    brightness: float
    bias: float
    noise: float
    blur_mm: float
    fov_mm: Triple
    axcodes: str
    tilt_deg: float
    marker_rates: tuple[float, float]

    def __post_init__(self) -> None:
        if self.axcodes[2:] not in ("S", "I"):
            raise ValueError(f"axcodes must end with S or I (slices on the third axis), got {self.axcodes!r}.")

    def voxel_mm(self, shape: tuple[int, ...]) -> Triple:
        """Return the size of a voxel along posterior, left and superior."""
        rows, columns, slices = (extent / size for extent, size in zip(self.fov_mm, shape[-3:], strict=True))
        return rows, columns, slices

    def scan(self, rng: np.random.Generator, images: NDArray) -> NDArray[np.int16]:
        """Return what the scanner stores of ideal (3, R, C, S) images: contrast, blur, bias field, Rician noise."""
        voxel_mm = self.voxel_mm(images.shape)
        sigma = (self.blur_mm / voxel_mm[0], self.blur_mm / voxel_mm[1], 0)
        place = np.moveaxis(np.indices(images.shape[1:]), 0, -1) * voxel_mm
        bias = np.exp(self.bias * smooth_field(rng, np.moveaxis(place, -1, 0), wavelength_mm=230.0, num_waves=6))
        channels = [
            gaussian_filter(image**gamma, sigma) * bias for image, gamma in zip(images, self.gamma, strict=True)
        ]
        noise = self.noise * rng.standard_normal((2, *images.shape), dtype=np.float32)
        return np.round(self.brightness * np.hypot(channels + noise[0], noise[1])).astype(np.int16)

    def affine(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return (4, 4), from the voxels of a (R, C, S) scan of rows to posterior, columns to left, to millimeters."""
        tilt = np.radians(self.tilt_deg)
        about_left = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
        # towards posterior and left is downhill along nibabel's axes, which run to right, anterior and superior
        directions = np.array([[0, -1, 0], [-1, 0, 0], [0, 0, 1]], dtype=float)
        affine = np.eye(4)
        affine[:3, :3] = about_left @ directions * self.voxel_mm(shape)
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape[-3:]) - 1) / 2)
        return affine

    def stored(self, volume: NDArray, affine: NDArray) -> nibabel.Nifti1Image:
        """Return a (R, C, S) volume with its axes turned as this site's files have them."""
        image = nibabel.Nifti1Image(volume, affine)
        here = nibabel.orientations.io_orientation(affine)
        turn = nibabel.orientations.ornt_transform(here, nibabel.orientations.axcodes2ornt(self.axcodes))
        turned = image.as_reoriented(turn)
        # some readers look at one of the two only
        turned.set_sform(turned.affine, code="scanner")
        turned.set_qform(turned.affine, code="scanner")
        turned.header.set_xyzt_units("mm")
        return turned


SITES = (
    Site("A", (1.00, 1.00, 1.00), 320.0, 0.10, 0.020, 0.0, (200.0, 200.0, 115.0), "LPS", 0.0, (0.1, 0.9)),
    Site("B", (1.25, 0.85, 0.90), 250.0, 0.18, 0.035, 1.2, (216.0, 216.0, 120.0), "RAS", 0.0, (0.1, 0.9)),
    Site("C", (0.85, 1.20, 1.15), 400.0, 0.14, 0.028, 0.8, (208.0, 200.0, 112.0), "LAS", 9.0, (0.1, 0.9)),
    Site("D", (1.15, 1.10, 0.85), 280.0, 0.20, 0.032, 1.0, (204.0, 212.0, 118.0), "PLI", -7.0, (0.5, 0.5)),
)
"""A, B and C train; at D, which no training sees, the marker says nothing."""
