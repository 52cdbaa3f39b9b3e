"""Volumes in the formats of ITK (NRRD, MetaImage), read by SimpleITK or pynrrd, which are optional."""

from __future__ import annotations

import os
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bundle.volumes.nifti import Voxels
from bundle.volumes.problem import FileProblem, Problem

ITK_SUFFIXES = (".nrrd", ".mha", ".mhd")
# world axes of an NRRD space -> right, anterior, superior
_SIGNS = {"left": -1, "right": 1, "posterior": -1, "anterior": 1, "inferior": -1, "superior": 1}
_LETTERS = {name[0]: name for name in _SIGNS}


def read_itk(path: str | os.PathLike[str]) -> Voxels:
    """Read a volume that ITK reads; its world is LPS, ours RAS.

    Args:
        path: .nrrd, .mha or .mhd.

    Returns:
        Components of a voxel, layers of a `.seg.nrrd` and time points are the last axis.

    Raises:
        Exception: what the reader raises at a missing or broken file.
        ImportError: SimpleITK (for NRRD also pynrrd) is not installed.

    Example:
        >>> import tempfile, SimpleITK
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     SimpleITK.WriteImage(SimpleITK.Image(4, 5, 6, SimpleITK.sitkUInt8), f"{folder}/a.mha")
        ...     read_itk(f"{folder}/a.mha").data.shape
        (4, 5, 6)
    """
    if os.fspath(path).lower().endswith(".nrrd") and find_spec("SimpleITK") is None:
        return _read_by_pynrrd(path)
    import SimpleITK

    if not os.fspath(path).lower().endswith(".nrrd"):
        _require_whole(Path(path))
    image = SimpleITK.ReadImage(os.fspath(path))
    data = SimpleITK.GetArrayFromImage(image)  # (Z, Y, X), time before them, components after them
    data = np.moveaxis(data, -1, 0).T if image.GetNumberOfComponentsPerPixel() > 1 else data.T
    dimension = image.GetDimension()
    spatial = min(dimension, 3)
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)
    affine = np.eye(4)
    affine[:spatial, :spatial] = (direction * np.array(image.GetSpacing()))[:spatial, :spatial]
    affine[:spatial, 3] = image.GetOrigin()[:spatial]
    return Voxels(data, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)


def _require_whole(path: Path) -> None:
    """Compare the checksum of a compressed MetaImage: SimpleITK returns what it unpacked so far, and no error."""
    with path.open("rb") as stream:
        header: dict[str, str] = {}
        for line in stream:
            name, _, value = line.decode("latin-1").partition("=")
            header[name.strip()] = value.strip()
            if name.strip() == "ElementDataFile":
                break
        if header.get("CompressedData", "").lower() != "true":
            return
        data = header.get("ElementDataFile", "LOCAL")
        zlib.decompress(stream.read() if data.upper() == "LOCAL" else (path.parent / data).read_bytes())


def _read_by_pynrrd(path: str | os.PathLike[str]) -> Voxels:
    import nrrd  # an optional package

    data, header = nrrd.read(os.fspath(path))
    unturned = np.diag(header.get("spacings", np.ones(data.ndim)))[:, :3]
    # an axis without a direction holds components or layers, wherever it lies
    directions = np.atleast_2d(np.array(header.get("space directions", unturned), dtype=float))
    spatial = np.isfinite(directions).all(axis=1)
    if spatial.sum() != 3:
        remedy = "export it as a volume, with a direction for each of its axes"
        raise FileProblem(Problem(os.fspath(path), "have three axes in space", f"{spatial.sum()}", remedy))
    data = np.moveaxis(data, np.flatnonzero(~spatial), range(3, data.ndim))
    affine = np.eye(4)
    affine[:3, :3] = directions[spatial].T
    affine[:3, 3] = header.get("space origin", np.zeros(3))
    space = str(header.get("space", "left-posterior-superior")).lower()
    names = [_LETTERS.get(letter, "") for letter in space] if len(space) == 3 else space.split("-")
    if len(names) != 3 or not set(names) <= _SIGNS.keys():
        remedy = "export it in a space of the patient, such as left-posterior-superior"
        raise FileProblem(Problem(os.fspath(path), "lie in a space of the patient", repr(space), remedy))
    signs = [_SIGNS[name] for name in names]
    return Voxels(data, np.diag([*signs, 1.0]) @ affine)
