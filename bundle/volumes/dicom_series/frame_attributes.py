"""Attributes of a frame, wherever its file has them."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

_FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence")
COMPONENTS = frozenset({"PHASE", "REAL", "IMAGINARY"})
"""What else than its magnitude an MR image shows of the signal."""
_GE_COMPONENTS = {"1": "PHASE", "2": "REAL", "3": "IMAGINARY"}
"""Source: GE's DICOM conformance statements for MR, raw data type of the image."""
_PLACES = 4
"""Decimals of an echo time in ms: a header rounds, it does not measure."""
_AS_NUMBER = "{} as a number"


@cache
def _tags(keywords: str) -> tuple[BaseTag, ...]:
    return tuple(Tag(word if not word[0].isdigit() else int(word, 16)) for word in keywords.split())


def texts(value: Any) -> tuple[str, ...]:
    """Return the values of an attribute as text; pydicom gives one value alone without a list.

    Args:
        value: of an attribute of any number of values; None where there is none.

    Example:
        >>> texts(MultiValue(str, ["ORIGINAL", "PRIMARY"])), texts("DERIVED"), texts(None)
        (('ORIGINAL', 'PRIMARY'), ('DERIVED',), ())
    """
    return tuple(map(str, [value] if isinstance(value, str) else value or ()))


class FrameAttributes:
    """Attributes of one frame: in its own functional groups, in the shared ones, else in the image itself.

    Args:
        image: header.
        own: functional groups of the frame; empty for an image of one frame.
        shared: functional groups of all frames.

    Example:
        >>> image = Dataset()
        >>> image.EchoTime, image.WindowCenter, image.WindowWidth = 80.00001, [40, 300], [80, 1500]
        >>> attributes = FrameAttributes(image, Dataset(), Dataset())
        >>> attributes.echo(), attributes.window()
        (80.0, (40.0, 80.0))
    """

    def __init__(self, image: Dataset, own: Dataset, shared: Dataset) -> None:
        self.image, self.groups = image, [groups for groups in (own, shared) if len(groups)]

    def get(self, group: str, keywords: str) -> Any:
        """Return the first value found; None where there is none.

        Args:
            group: keyword of the functional group.
            keywords: of the attribute, in order of trust.
        """
        items = [item for groups in self.groups if group for item in groups.get(group) or ()]
        # a gradient direction lies one sequence deeper
        items += [deeper for item in items for deeper in item.get("DiffusionGradientDirectionSequence") or ()]
        for item in (*items, self.image):
            for tag in _tags(keywords):
                # most are not there, and to be told so takes pydicom longer than to look
                if tag in item and (value := item[tag].value) not in (None, ""):
                    return value
        return None

    def number(self, group: str, keywords: str) -> float | None:
        """Return a value as a number, see `get`; None also where it is none or infinite.

        Raises:
            KeyError: it is something else, as a number with a decimal comma.
        """
        value = self.get(group, keywords)
        try:
            return None if value is None or not math.isfinite(value) else float(value)
        except TypeError:  # a text, which is no number, or several
            raise KeyError(_AS_NUMBER.format(keywords.split()[-1])) from None

    def size(self, group: str, keywords: str) -> float | None:
        """Return a number without its sign, see `get`: some scanners write a distance with one."""
        value = self.number(group, keywords)
        return None if value is None else abs(value)

    def image_type(self) -> tuple[str, ...]:
        """Return the type of the frame, where it has its own, else of the image; what it shows of an MR signal is last.

        Enhanced images, and those of GE, tell phases from magnitudes beside their type alone.

        Source: DICOM PS3.3 C.8.13.3.1.1, Complex Image Component.
        """
        kind = next((kind for group in _FRAME_TYPES if (kind := self.get(group, "FrameType"))), None)
        values = texts(kind or self.image.get("ImageType"))
        ge = _GE_COMPONENTS.get(str(self.get("", "0043102F")), "")
        shown = str(self.get("MRImageFrameTypeSequence", "ComplexImageComponent") or ge)
        return (*values, shown) if shown in COMPONENTS and shown not in values else values

    def echo(self) -> float | None:
        """Return the echo time in ms."""
        echo = self.number("MREchoSequence", "EffectiveEchoTime EchoTime")
        return None if echo is None else round(echo, _PLACES)

    def window(self) -> tuple[float, float] | None:
        """Return center and width of the window; None where there is no sound one."""
        both = [self.get("FrameVOILUTSequence", keyword) for keyword in ("WindowCenter", "WindowWidth")]
        try:
            # of several windows the first is the one that is shown
            center, width = (float(value[0] if isinstance(value, MultiValue) else value) for value in both)
        except (TypeError, ValueError, IndexError):  # a slice without one can be shown
            return None
        return center, width

    def numbers(self, group: str, keyword: str, count: int) -> tuple[float, ...]:
        """Return the numbers of an attribute.

        Args:
            group: keyword of the functional group.
            keyword: of the attribute.
            count: of the numbers.

        Raises:
            KeyError: there are no such, or others.
        """
        value = self.get(group, keyword)
        if value is None or len(value) != count:
            raise KeyError(keyword)
        try:
            numbers = tuple(float(part) for part in value)
        except ValueError:
            raise KeyError(_AS_NUMBER.format(keyword)) from None
        if not all(map(math.isfinite, numbers)):
            raise KeyError(f"finite {keyword}")
        return numbers
