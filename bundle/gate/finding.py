"""Finding of a gate: a reason to refuse a bundle, as one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_LONGEST = 160


@dataclass(frozen=True)
class Finding:
    """Reason to refuse a bundle.

    Args:
        file: name in the archive.
        place: id in the file, or what else is meant of it; empty for the whole file.
        expected: what it must do, as it follows "must".
        got: what it is instead; anything that is shown on a terminal without harm.
        remedy: what to do about it.

    Example:
        >>> print(Finding("configs/train.json", "run#0", "name a target of the policy", "os.system", "remove it"))
        configs/train.json: run#0 must name a target of the policy, got 'os.system': remove it.
    """

    file: str
    place: str
    expected: str
    got: Any
    remedy: str

    def __str__(self) -> str:
        where = ": ".join(part for part in (plain(self.file), plain(self.place)) if part)
        return f"{where} must {self.expected}, got {shown(self.got)}: {self.remedy}."


def shown(value: Any) -> str:
    r"""Return a value of a stranger in ASCII and in short: it moves no cursor and looks like nothing else.

    Example:
        >>> shown("\x1b[2Jos"), shown("f\xfcr")
        ("'\\x1b[2Jos'", "'f\\xfcr'")
    """
    text = ascii(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def plain(name: str) -> str:
    r"""Return a name as it is, or with its odd characters told.

    Example:
        >>> plain("models/model.pt"), plain("models/\u043c.pt")
        ('models/model.pt', 'models/\\u043c.pt')
    """
    return shown(name)[1:-1]
