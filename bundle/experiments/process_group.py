"""Processes that end with all that they started, and the error that ended them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any


class ProcessGroup:
    """Runs commands one after the other, each as the leader of a process group of its own.

    `end` may come from another thread: it ends the command at work, with the workers that it started, and refuses to
    start another. A command outside such a group would go on training when its parent ends. Without process
    groups (Windows) only the command itself ends.

    Example:
        >>> import sys
        >>> group = ProcessGroup()
        >>> group.run([sys.executable, "-c", "raise SystemExit(3)"])
        3
        >>> group.end()
        >>> group.run([sys.executable, "-c", ""])
        -15
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.has_ended = False

    def run(self, command: Sequence[Any], **options: Any) -> int:
        """Wait for a command and return its exit code, negative where a signal ended it.

        Args:
            command: program and arguments.
            options: of `subprocess.Popen`.
        """
        with self._lock:
            if self.has_ended:
                return -signal.SIGTERM
            self._process = subprocess.Popen(command, start_new_session=True, **options)
        return self._process.wait()

    def end(self, grace_s: float = 10.0) -> None:
        """Send SIGTERM to the command at work, then SIGKILL after the grace period."""
        with self._lock:
            self.has_ended = True
        if self._process is None or self._process.poll() is not None:
            return
        if not hasattr(os, "killpg"):  # Windows
            self._process.terminate()
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # workers may have outlived their leader


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread, as ctrl-C does, unless they are ignored.

    Without it they end the process at once, and its children go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP
    numbers = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_TRACEBACK = "Traceback (most recent call last):"
_LINK = re.compile(r"^The above exception was the direct cause of the following exception:$", re.MULTILINE)
_MESSAGE = re.compile(r"\n(\S.*)", re.DOTALL)


def root_error(log: str) -> str:
    r"""Return the message of the error that the last chain of tracebacks in a log began with.

    MONAI wraps an error in others, so that the end of a log tells which component failed but not why.

    Args:
        log: text of a log, of one attempt.

    Returns:
        Type and message, or nothing where the log does not end with a chain.

    Example:
        >>> link = "The above exception was the direct cause of the following exception:"
        >>> frames = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n'
        >>> root_error(f"{frames}ValueError: no such site\n\n{link}\n\n{frames}RuntimeError: failed\n")
        'ValueError: no such site'
    """
    links = _LINK.split(log)
    first = len(links) - 1
    while first > 0 and links[first].count(_TRACEBACK) == 1:  # one with two ends an earlier attempt's chain
        first -= 1
    message = _MESSAGE.search(links[first].rpartition('\n  File "')[2])
    return message.group(1).strip() if message and first < len(links) - 1 else ""
