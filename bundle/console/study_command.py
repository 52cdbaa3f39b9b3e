"""Ending of the commands that read DICOM studies: what went wrong in one line, and the exit status."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

FAILED, INTERRUPTED = 1, 130
"""Exit status of a command that reads studies."""


def run_on_studies(work: Callable[[], int]) -> int:
    """Do the work of a command, and return its exit status.

    Args:
        work: imports what it needs, reads studies, and returns 0 where all went well.

    Returns:
        What `work` returns; 1 after an error, 3 where nothing in a folder can be read, 130 where it was ended by
        ctrl-C. What went wrong is told in one line, on the stream of errors.

    Example:
        >>> run_on_studies(lambda: 0)
        0
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot show must not stop the others
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return work()
    except MemoryError:
        return _told("memory is full: close other programs, or read fewer studies at once", FAILED)
    except KeyboardInterrupt:
        return _told("ended by ctrl-C; studies that were finished are whole", INTERRUPTED)
    except (ImportError, ValueError, OSError) as error:
        return _told(error, getattr(error, "exit_status", FAILED))  # that of `NothingReadable`, not imported for a help


def _told(error: object, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return status
