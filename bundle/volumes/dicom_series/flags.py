"""Flags of a stack: sentences about what a user should know of where its slices come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from bundle.volumes.dicom_series.frame_attributes import COMPONENTS
from bundle.volumes.dicom_series.headers import Headers
from bundle.volumes.dicom_series.identity import are_several
from bundle.volumes.dicom_series.pixels import is_irreversible
from bundle.volumes.dicom_series.planes import REPEATS, Plane

_CONSTANT = ("b-value", "b-value (Siemens)", "b-value (GE)", "temporal position")
"""What does not change from slice to slice, of `REPEATS`."""
_HOUNSFIELD = ("HU", "HOUNSFIELD", "US")
"""How a CT's rescale type in Hounsfield units begins: "unspecified" is what older scanners write."""
_RESCALE_TYPES = {
    "OD": "optical densities",
    "MGML": "mg/ml",
    "Z_EFF": "effective atomic numbers",
    "ED": "electron densities",
    "EDW": "electron densities, that of water being 1",
    "HU_MOD": "modified Hounsfield units",
    "PCT": "percent",
}
"""Source: DICOM PS3.3 C.11.1.1.2."""
_PET_UNITS = {"CNTS": "counts", "PROPCNTS": "proportional to counts", "GML": "g/ml, as of SUV", "CM2ML": "cm2/ml"}
"""Source: DICOM PS3.3 C.8.9.1.1.3."""
_NO_MAGNITUDES = COMPONENTS | {"P", "PHASE MAP", "R", "I"}
"""Values of the Image Type of an MR from the third on; the short ones are those of Siemens and Philips."""


def mixed_flags(planes: Sequence[Plane]) -> dict[str, str]:
    """Return what differs between slices of a stack although it would tell images of one position apart.

    Args:
        planes: ordered along their normal.
    """
    names = []
    for name in set(REPEATS) - {"image type", "acquisition time"}:
        values = [plane.repeats[name] for plane in planes]
        changes = sum(one != other for one, other in pairwise(values))
        several = 2 <= len(set(values)) <= len(values) / 2  # more: it changes from slice to slice
        several |= len(set(values)) > 1 and name in _CONSTANT
        if several and (name != "acquisition" or changes >= len(set(values))):  # acquisitions may follow one another
            names.append(name)
    return {"mixed": f"slices differ in {', '.join(sorted(names))}"} if names else {}


def torn_flags(series: Iterable[Sequence[Plane]]) -> dict[str, dict[str, str]]:
    """Return by Series Instance UID what tells apart images of one series that are read as several.

    A patient or a number that was corrected in some of the images leaves the others behind.

    Args:
        series: planes of each that is read.
    """
    groups: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for planes in series:
        groups[planes[0].series].append((*planes[0].study, planes[0].number))
    flags = {}
    for uid, keys in groups.items():
        values = zip(("patient", "study", "series number"), zip(*keys, strict=True), strict=True)
        names = ", ".join(name for name, each in values if len(set(each)) > 1)
        if uid and names:
            words = f"one of {len(keys)} parts of its series, which differ in {names}: slices may be missing"
            flags[uid] = {"torn": words}
    return flags


def origin_flags(planes: Sequence[Plane], headers: Headers) -> dict[str, str]:
    """Return what the headers tell of where slices come from, and of slices that may be lost at an end.

    Args:
        planes: of a stack.
        headers: of its folder.
    """
    flags = {}
    first, folders = planes[0], {plane.file.parent for plane in planes}
    whose = first.study, first.series
    if first.image_type[:1] == ("DERIVED",):
        flags["derived"] = "computed from other images"
    if any(plane.lossy for plane in planes) or is_irreversible(first):
        flags["lossy"] = "its pixels were once compressed with loss"
    if units := _units(first):
        flags["units"] = f"its values are {units}"
    if any(plane.burned_in for plane in planes):
        flags["burned_in"] = "text lies in its pixels, which may be a name"
    beside = [aside for aside in headers.asides if aside.file.parent in folders]
    # a file that was cut off in its header does not tell whose it is
    lost = {aside.file for aside in beside if aside.kind == "damaged" or (aside.kind == "refused" and not aside.series)}
    lost |= {aside.file for aside in headers.asides if aside.kind == "refused" and (aside.study, aside.series) == whose}
    if lost:
        flags["lost"] = f"files beside it that cannot be read: {len(lost)}; slices may be missing at an end"
    numbers = headers.numbers.get(whose, set())
    missing = max(*numbers, headers.counts.get(whose, 0), 0) - len(numbers - {0})
    if first.frame is None and numbers and missing > 0:
        flags["numbers"] = f"images that are left out, by their numbers: {missing}; slices may be missing at an end"
    if parts := sum(max(total, *there) - len(there) for there, total in headers.parts.get(whose, {}).values()):
        flags["parts"] = f"parts of its images that are not there: {parts}; slices may be missing at an end"
    if are_several(headers.persons[plane.file] for plane in planes if plane.file in headers.persons):
        flags["persons"] = "names or birth dates under its PatientID differ: it may be of several persons"
    if absent := len(headers.listed.get(whose, set()) - headers.instances):
        flags["listed"] = f"images that the DICOMDIR lists and that are not there: {absent}; slices may be missing"
    return flags


def _units(plane: Plane) -> str:
    """Return what the values of a CT, MR or PET are, where it is not what they are taken for; else nothing."""
    if plane.modality == "MR" and _NO_MAGNITUDES.intersection(plane.image_type[2:]):
        return "phases, or real or imaginary parts, by the header, not magnitudes"
    if plane.modality == "PT" and (unit := plane.repeats["units"]) not in ("None", "BQML"):
        return f"{_PET_UNITS.get(unit, 'another unit')} by the header, not Bq/ml"
    kind = plane.rescale_type
    if plane.modality == "CT" and kind and (kind in _RESCALE_TYPES or not kind.startswith(_HOUNSFIELD)):
        return f"{_RESCALE_TYPES.get(kind, 'another unit')} by the header, not Hounsfield units"
    return ""
