"""Logs and errors that stay at their site: NVFlare streams its own log to the server unless a site forbids it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ERROR, LOG = "error.txt", "site.log"
_LOGGERS = ("bundle", "monai", "ignite", "py.warnings")
"""Names below which paths and cases are named."""


class SiteError(RuntimeError):
    """An error that names nothing; the site's own folder has the reason."""


@contextmanager
def kept_at_site(folder: str | Path) -> Iterator[None]:
    """Write logs and the reason of an error into the site's folder, and let an error pass that names nothing.

    Args:
        folder: of the site; `site.log` grows, `error.txt` is that of the last failure.

    Raises:
        SiteError: in place of any error inside.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> with kept_at_site(folder):
        ...     raise ValueError("scans/patient_7 must be a volume, got nothing.")
        Traceback (most recent call last):
        bundle.consumers.fl.own_log.SiteError: the site has stopped: error.txt in its folder has the reason.
        >>> error_of(folder)
        'ValueError: scans/patient_7 must be a volume, got nothing.'
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).unlink(missing_ok=True)
    own = logging.FileHandler(folder / LOG, encoding="utf-8")
    own.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.propagate for logger in loggers]
    logging.captureWarnings(True)
    for logger in loggers:
        logger.propagate = False
        logger.addHandler(own)
    try:
        yield
    except Exception as error:
        note_error(folder, error)
        raise SiteError(f"the site has stopped: {ERROR} in its folder has the reason.") from None
    finally:
        logging.captureWarnings(False)
        for logger, propagate in zip(loggers, before, strict=True):
            logger.propagate = propagate
            logger.removeHandler(own)
        own.close()


def note_error(folder: str | Path, error: BaseException) -> None:
    """Write the reason of a failure, and where it was, into a folder; called while the error is handled."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / ERROR).write_text(f"{_reason(error)}\n\n{traceback.format_exc()}", encoding="utf-8")


def error_of(folder: str | Path) -> str:
    """Return the reason of a site's failure in its folder, nothing where it has none."""
    file = Path(folder) / ERROR
    return file.read_text(encoding="utf-8").partition("\n\n")[0] if file.is_file() else ""


def _reason(error: BaseException) -> str:
    """Return kind and message of the first cause: MONAI wraps what an object of a config raises."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"
