"""A head of three organs in several contrasts, scanned in any orientation, that may have moved between them."""

import numpy as np
from pydicom.uid import MRImageStorage
from support.dicom_files import AXIAL, save, slice_of

T1 = {"EchoTime": 9, "RepetitionTime": 500}
FLAIR = {"EchoTime": 90, "RepetitionTime": 9000, "InversionTime": 2500}
ORGANS = ((6, 2, 2), (-5, -3, -3), (0, 5, 4))


def body(x, y, z):
    """Intensities of a head with three organs, at places in mm."""
    inside = (x / 14) ** 2 + (y / 11) ** 2 + (z / 10) ** 2 < 1
    value = 300.0 * inside
    for center, radius, height in zip(ORGANS, (4, 4, 3), (200, -150, 350), strict=True):
        distance = sum((axis - middle) ** 2 for axis, middle in zip((x, y, z), center, strict=True))
        value = value + height * np.exp(-distance / radius**2)
    return np.clip(value, 0, None)


def scan(folder, number, moved=(0, 0, 0), invert=False, orientation=AXIAL, spacing=(1.5, 1.5), **more):
    """Write a series of 12 slices of the head, which lay `moved` mm from where it was."""
    row, column = np.reshape(orientation, (2, 3)).astype(float)
    size = round(36 / spacing[0]), round(45 / spacing[1])
    rows, columns = np.indices(size)[..., None]
    for index in range(12):
        start = -22.5 * row - 18 * column + (3.0 * index - 16) * np.cross(row, column)
        image = slice_of(100 * number + index, start, 0, size=size, kind=MRImageStorage, Modality="MR")
        image.PixelSpacing, image.ImageOrientationPatient = list(spacing), list(orientation)
        image.SeriesNumber, image.SeriesInstanceUID, image.SeriesDescription = number, f"1.2.3.{number}", "scan"
        value = body(*np.moveaxis(start + columns * spacing[1] * row + rows * spacing[0] * column - moved, -1, 0))
        image.PixelData = np.rint(900 * (value > 5) - value if invert else value).clip(0).astype("<u2").tobytes()
        for name, entry in more.items():
            setattr(image, name, entry)
        save(image, folder)
