"""Profile of the training data, and in what a new scan is unlike it: spacing, field of view, intensities, channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import io_orientation
from numpy.typing import NDArray

from bundle.data.slices.store import SliceStore
from bundle.keys import IMAGE
from bundle.volumes import is_nifti

PERCENTILES = (5, 25, 50, 75, 95)
SPACING_TOLERANCE = 1.25
"""Factor by which a spacing may lie beyond those of the training scans."""
FIELD_TOLERANCE = 1.25
"""The same of the field of view; a scan that is cut by a fifth shows other slices at its ends."""
INTENSITY_TOLERANCE = 1.5
"""Factor by which the intensities may be further from the typical ones than those of any training scan."""
_FLOOR = 0.05
"""Share of the range of a channel's percentiles by which they may always differ: few scans are much alike."""
_SLICES = 16
"""Read of a case, spread evenly."""
_MOST_CHANNELS = 5
"""Up to which all orders of the channels are tried."""
_AXES = ("from right to left", "from front to back", "from feet to head")


class InputFacts(NamedTuple):
    """Facts of a scan that can be compared with those of others.

    Args:
        spacing_mm: (3,) of the voxels along the body's axes: right to left, front to back, feet to head.
        field_mm: (3,) field of view along them.
        intensity: (C, P) percentiles (`PERCENTILES`) of each channel as the network sees it.
    """

    spacing_mm: NDArray
    field_mm: NDArray
    intensity: NDArray


def compared_slices(count: int) -> NDArray[np.int64]:
    """Return the indices of the slices of a scan that are looked at, at most 16, spread evenly.

    Args:
        count: slices of the scan.

    Example:
        >>> compared_slices(3).tolist(), len(compared_slices(100))
        ([0, 1, 2], 16)
    """
    return np.unique(np.linspace(0, count - 1, min(_SLICES, count)).round().astype(np.int64))


def input_facts(slices: NDArray, affine: NDArray, shape: Sequence[int]) -> InputFacts:
    """Return the facts of a scan.

    Args:
        slices: (n, C, S, S), some of it, as the slice transform makes them; slices of one value are left out.
        affine: (4, 4) of the file, voxel index to mm.
        shape: of its three axes.

    Example:
        >>> facts = input_facts(np.arange(16.0).reshape(1, 1, 4, 4), np.diag([2.0, 1.0, 5.0, 1.0]), (100, 200, 30))
        >>> facts.field_mm.tolist(), facts.intensity[0, 2]
        ([200.0, 200.0, 150.0], np.float64(7.5))
    """
    axes = io_orientation(affine)[:, 0].astype(int)
    spacing, count = np.empty(3), np.empty(3)
    spacing[axes], count[axes] = voxel_sizes(affine), np.asarray(shape[:3])
    values = np.asarray(slices, dtype=np.float64)
    shown = values[np.ptp(values, axis=(1, 2, 3)) > 0]
    pixels = np.moveaxis(shown if len(shown) else values, 1, 0).reshape(values.shape[1], -1)
    return InputFacts(spacing, spacing * count, np.percentile(pixels, PERCENTILES, axis=1).T)


def stored_facts(store: SliceStore, geometry: Iterable[tuple[NDArray, Sequence[int]] | None]) -> Iterator[InputFacts]:
    """Yield the facts of the cases of a slice store.

    Args:
        store: of the training cases.
        geometry: affine and shape of the file of each; a case with None is left out.
    """
    for case, known in enumerate(geometry):
        if known is None:
            continue
        slices = store.dtype.decode(store.read(compared_positions(store, case))[0])
        yield input_facts(slices.numpy(), *known)


def compared_positions(store: SliceStore, case: int) -> NDArray[np.int64]:
    """Return the positions in the store of the slices of a case that are looked at.

    Args:
        store: of the case.
        case: its position in the store.
    """
    first, stop = int(store.first[case]), int(store.first[case + 1])
    return first + compared_slices(stop - first)


def nifti_geometry(item: Mapping[str, Any]) -> tuple[NDArray, tuple[int, ...]] | None:
    """Return affine and shape of a case, from the header of its first file; None where that is no NIfTI file.

    Args:
        item: case dictionary.

    Example:
        >>> nifti_geometry({"image": ["scan.nrrd"]})
    """
    files = item[IMAGE]
    first = files[0] if isinstance(files, list | tuple) else files
    if not is_nifti(first):
        return None
    image: Any = nib.load(first)
    return image.affine, image.shape


def input_profile(facts: Iterable[InputFacts]) -> dict[str, Any]:
    """Return what is usual, JSON-serializable; the content of `input_profile.json`.

    Args:
        facts: of the training scans.

    Raises:
        ValueError: there is none.
    """
    scans = list(facts)
    if not scans:
        raise ValueError("facts must hold those of at least one training scan, got none: check the split.")
    spacing, field, intensity = (np.stack([scan[entry] for scan in scans]) for entry in range(3))
    typical = np.median(intensity, axis=0)
    return {
        "scans": len(scans),
        "spacing_mm": [spacing.min(axis=0).tolist(), spacing.max(axis=0).tolist()],
        "field_mm": [field.min(axis=0).tolist(), field.max(axis=0).tolist()],
        "percentiles": list(PERCENTILES),
        "intensity": typical.tolist(),
        "intensity_distance": np.abs(intensity - typical).mean(axis=2).max(axis=0).tolist(),
    }


def input_warnings(profile: Mapping[str, Any], facts: InputFacts, channels: Sequence[str] = ()) -> list[str]:
    """Return sentences for people on what of a scan is unlike the training data; none where nothing is.

    Args:
        profile: see `input_profile`.
        facts: of the scan.
        channels: names of the channels.

    Example:
        >>> usual = InputFacts(np.ones(3), np.full(3, 200.0), np.array([[0, 0.1, 0.3, 0.5, 0.8]]))
        >>> input_warnings(input_profile([usual]), usual._replace(spacing_mm=np.array([1.0, 1.0, 5.0])))
        ['The voxels are 5 mm apart from feet to head; in the training scans 1 to 1 mm.']
    """
    typical, distance = np.array(profile["intensity"]), np.array(profile["intensity_distance"])
    if len(facts.intensity) != len(typical):
        return [f"The scan has {len(facts.intensity)} channels; the training scans have {len(typical)}."]
    names = list(channels) if len(channels) == len(typical) else [f"channel {n}" for n in range(len(typical))]
    found = [
        *_beyond("The voxels are {} mm apart {}", facts.spacing_mm, profile["spacing_mm"], SPACING_TOLERANCE),
        *_beyond("The field of view is {} mm {}", facts.field_mm, profile["field_mm"], FIELD_TOLERANCE),
    ]
    limit = np.maximum(distance * INTENSITY_TOLERANCE, _FLOOR * np.ptp(typical, axis=1))
    unlike = np.abs(facts.intensity - typical).mean(axis=1) > limit
    if unlike.any() and (order := _order_that_fits(facts.intensity, typical, limit)):
        looks = ", ".join(names[index] for index in order)
        return [*found, f"The channels seem to be in another order: they look like {looks}, not {', '.join(names)}."]
    unlike_names = [name for name, is_unlike in zip(names, unlike, strict=True) if is_unlike]
    return [*found, *(f"The intensities of {name} are unlike those of the training scans." for name in unlike_names)]


def _beyond(sentence: str, values: NDArray, usual: Sequence[Sequence[float]], tolerance: float) -> Iterator[str]:
    """Yield a sentence for each axis along which a value is not usual."""
    for value, low, high, axis in zip(values, *usual, _AXES, strict=True):
        if not low / tolerance <= value <= high * tolerance:
            yield f"{sentence.format(f'{value:.3g}', axis)}; in the training scans {low:.3g} to {high:.3g} mm."


def _order_that_fits(intensity: NDArray, typical: NDArray, limit: NDArray) -> tuple[int, ...]:
    """Return the training channel that each channel looks like, where all fit in this order; else nothing."""
    orders = permutations(range(len(typical))) if len(typical) <= _MOST_CHANNELS else ()
    distances = {order: np.abs(intensity - typical[list(order)]).mean(axis=1) for order in orders}
    fitting = {order: far.mean() for order, far in distances.items() if (far <= limit[list(order)]).all()}
    return min(fitting, key=lambda order: fitting[order], default=())
