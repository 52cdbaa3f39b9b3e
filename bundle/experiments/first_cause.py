"""What went wrong first, out of the log of a run that failed."""

from __future__ import annotations

import re

_TRACEBACK = "Traceback (most recent call last):"
_LINK = re.compile(r"^The above exception was the direct cause of the following exception:$", re.MULTILINE)
_MESSAGE = re.compile(r"\n(\S.*)", re.DOTALL)


def first_cause(log: str) -> str:
    r"""Return the message of the error that the last chain of tracebacks in a log began with.

    MONAI wraps an error in others, so that the end of a log tells which component failed but not why.

    Args:
        log: text of a log, of one attempt.

    Returns:
        Type and message, or nothing where the log does not end with a chain.

    Example:
        >>> link = "The above exception was the direct cause of the following exception:"
        >>> frames = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n'
        >>> first_cause(f"{frames}ValueError: no such site\n\n{link}\n\n{frames}RuntimeError: failed\n")
        'ValueError: no such site'
    """
    links = _LINK.split(log)
    first = len(links) - 1
    while first > 0 and links[first].count(_TRACEBACK) == 1:  # one with two ends an earlier attempt's chain
        first -= 1
    message = _MESSAGE.search(links[first].rpartition('\n  File "')[2])
    return message.group(1).strip() if message and first < len(links) - 1 else ""
