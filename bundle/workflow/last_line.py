"""The last line of a command that fails: `error: ` with the cause; the traceback goes into a file."""

from __future__ import annotations

import logging
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import bundle
from bundle.files import bundle_root, is_no_space

_PACKAGE = str(Path(bundle.__file__).parent)
_SCRIPTS = str(bundle_root() / "scripts")
_LINK = re.compile(r"\n(?:The above exception was the direct cause of|During handling of the above) .*\n")
_FRAME = re.compile(r'^\s*File "(.+?)", line \d+.*\n\s*(.*)', re.MULTILINE)
_MESSAGE = re.compile(r"^(?:[\w.]+(?:Error|Exception|Problems)): (.*)", re.DOTALL | re.MULTILINE)
_NOISE = "run is terminating due to exception"
"""Part of what Ignite logs at an error, before the error itself is shown."""

_settings: dict[str, Path | None] = {"folder": None}


def end_with_one_line(debug: bool = False) -> None:
    """Let an error that ends this process print one line, `error: ` with its cause, as the last one.

    The traceback goes into `error.log` of the folder that `keep_errors_in` named, else, where the error is none of ours
    and so may be a fault of the code, into a temporary file. Call it only in a process that belongs to a command line.

    Args:
        debug: print the traceback too.

    Example:
        >>> before = sys.excepthook
        >>> end_with_one_line()
        >>> sys.excepthook = before
    """
    if not debug:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_is_no_noise)
    sys.excepthook = _hook(debug)


def keep_errors_in(folder: str | Path) -> None:
    """Let tracebacks go into `error.log` of a folder.

    Args:
        folder: that this process may write.
    """
    _settings["folder"] = Path(folder)


def last_lines(error: BaseException) -> list[str]:
    r"""Return what an error looks like on the screen: its list of complaints, then one line `error: `.

    Example:
        >>> last_lines(ValueError("2 problems must be solved first:\n  a must be b, got c.\n  d must be e, got f."))
        ['  d must be e, got f.', 'error: ValueError: 2 problems must be solved first: a must be b, got c.']
    """
    if isinstance(error, KeyboardInterrupt):
        return ["error: interrupted by ctrl-C; the same command continues a training with --resume True."]
    first, *more = cause(error).splitlines() or [""]
    if first.endswith(":") and more:
        first, *more = f"{first} {more[0].strip().removeprefix('error: ')}", *more[1:]
    return [*more, f"error: {first.removeprefix('error: ')}"]


def cause(error: BaseException) -> str:
    """Return the words of the innermost error that this package raised, else of the innermost error with its type.

    An error is ours if a `raise` of this package made it. Errors of worker processes arrive as text.

    Example:
        >>> cause(KeyError("width"))
        "KeyError: 'width'"
    """
    chain = list(_chain(error))
    ours = [words for link in chain for words in _own_words(link)]
    inner = next((link for link in reversed(chain) if not type(link).__module__.startswith("concurrent")), error)
    reworded = next((words for link in reversed(chain) for words in [_reworded(link)] if words), "")
    return (ours or [""])[-1] or reworded or f"{type(inner).__name__}: {inner}"


def _hook(debug: bool) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stdout.flush()
        text = "".join(traceback.format_exception(kind, error, trace))
        lines = [text] if debug else [f"traceback: {log}"] if (log := _log(error, text)) else []
        print(*lines, *last_lines(error), sep="\n", file=sys.stderr, flush=True)

    return show


def _log(error: BaseException, text: str) -> Path | None:
    """Write a traceback and return the file; None where there is nothing to learn from one, or no place for it."""
    folder = _settings["folder"]
    if isinstance(error, KeyboardInterrupt) or (folder is None and any(map(_own_words, _chain(error)))):
        return None
    try:
        if folder is not None and folder.is_dir():
            file = folder / "error.log"
        else:
            file = Path(tempfile.mkdtemp(prefix="lgm_vit_")) / "error.log"
        file.write_text(text, encoding="utf-8")
    except OSError:  # the disk may be what failed
        return None
    return file


def _is_no_noise(record: logging.LogRecord) -> bool:
    return _NOISE not in record.getMessage()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from or after, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _own_words(error: BaseException) -> list[str]:
    """Return the words of an error of this package, also of one that a worker sent as text; else nothing."""
    frames = traceback.extract_tb(error.__traceback__)
    text = str(error)
    if _FRAME.search(text):
        return _words_of_a_worker(text)
    return [text] if frames and _is_own(frames[-1].filename, frames[-1].line or "") else []


def _words_of_a_worker(text: str) -> list[str]:
    """Return the words of the last error of this package in a printed chain of tracebacks; the innermost is first."""
    found = []
    for link in reversed(_LINK.split(text)):
        frames = list(_FRAME.finditer(link))
        message = _MESSAGE.search(link, frames[-1].end()) if frames else None
        if message and _is_own(*frames[-1].groups()):
            found.append(message[1].strip().strip('"').strip())
    return found


def _is_own(filename: str, line: str) -> bool:
    """Return whether a line of this package raises an error on purpose; a fault in it has no words of ours."""
    return filename.startswith((_PACKAGE, _SCRIPTS)) and line.startswith("raise ")


def _reworded(error: BaseException) -> str:
    """Return our words for an error of a library that names neither place nor remedy; nothing for others."""
    if is_no_space(error):
        place = getattr(error, "filename", None) or _settings["folder"] or "the disk of this run"
        return f"{place} must have space left, got {error}: free some, or choose a folder on another disk."
    return ""
