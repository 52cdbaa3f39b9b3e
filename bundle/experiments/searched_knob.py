"""Knobs of a search and the values they may take."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bundle.workflow.knobs import knobs

GRIDS = {knob.name: knob.grid for knob in knobs().values() if knob.grid}
"""Non-uniform grids over the paper's ranges, with every value that the paper chose; it does not print its grids."""


@dataclass(frozen=True)
class SearchedKnob:
    """A knob with a list of values, or a range.

    Args:
        name: id of the config, such as "localization_weight" or "attribution#beta".
        values: what a grid goes through; a sampler chooses among them.
        low: lower end of a range, for a sampler only.
        high: upper end; a range from above 0 is sampled on a logarithmic scale.

    Raises:
        ValueError: `parse` found neither values, nor a range, nor a grid of its own for the name.

    Example:
        >>> SearchedKnob.parse("beta").values[-3:], SearchedKnob.parse("seed=1,2").values
        ((0.9, 0.95, 1.0), (1, 2))
        >>> SearchedKnob.parse("learning_rate=1e-5..1e-3").high
        0.001
    """

    name: str
    values: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def parse(cls, text: str) -> SearchedKnob:
        """Return the knob of "name", "name=1,10,100" or "name=0.01..5000"."""
        name, separator, given = text.partition("=")
        try:
            if not separator:
                return cls(name, GRIDS[name])
            if ends := re.fullmatch(r"(.+)\.\.(.+)", given):
                low, high = map(number, ends.groups())
                if low < high:
                    return cls(name, (), low, high)
            else:
                return cls(name, tuple(number(part) for part in given.split(",")))
        except (KeyError, ValueError):
            pass
        raise ValueError(
            f"knob must be NAME=1,10,100 or NAME=LOW..HIGH, or one of {', '.join(GRIDS)} alone, got {text!r}."
        )

    @property
    def is_range(self) -> bool:
        """True for a range, False for a list of values."""
        return not self.values


def number(text: str) -> float:
    """Return an int or a float of twelve digits, so that it can name a folder."""
    return int(text) if re.fullmatch(r"-?\d+", text.strip()) else float(f"{float(text):.12g}")
