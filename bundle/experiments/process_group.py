"""Processes that can be ended with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any


class ProcessGroup:
    """Runs commands one after the other, each as the leader of a process group of its own.

    `end` may come from another thread: it ends the command at work, with the workers that it started, and refuses to
    start another. A command outside such a group would train on when its parent is told to end.

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
        """End the command at work: ask, and after the grace period do not ask."""
        with self._lock:
            self.has_ended = True
        if self._process is None or self._process.poll() is not None:
            return
        send(self._process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        send(self._process, signal.SIGKILL)  # workers may have outlived their leader


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process and what it started, if any of them still lives."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread, as ctrl-C does, unless they are ignored.

    Without it they end the process on the spot, and what it started goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
