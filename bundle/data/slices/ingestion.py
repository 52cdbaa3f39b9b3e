"""Ingestion: cases that the store lacks are sliced once, in parallel, each by itself."""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from bundle.data.slices.slice_dtype import SliceDtype
from bundle.data.slices.stored_case import StoredCase
from bundle.files import discard_folder, folder_atomically
from bundle.keys import CASE, IMAGE
from bundle.volumes import Problem, raise_for_problems, summarized, with_volume_paths

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ingestion:
    """Recipe by which a case becomes a folder of the store; it travels to the worker processes.

    Args:
        transform: item -> list of slice dictionaries.
        dtype: of the images on disk.
        check: item -> (row, problems) as `check_case`; a case with errors is refused before it is sliced.

    Example:
        >>> Ingestion(list, SliceDtype.named("float16"), check=None).dtype.name
        'float16'
    """

    transform: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
    dtype: SliceDtype
    check: Callable[[Mapping[str, Any]], tuple[Any, list[Problem]]] | None

    def run(self, missing: Mapping[Path, Mapping[str, Any]], num_workers: int = 0) -> None:
        """Ingest all missing cases; good ones are kept whatever becomes of the others.

        Args:
            missing: folder to appear -> item.
            num_workers: processes; 0 works in this one.

        Raises:
            DataProblems: cases could not be ingested; names file and remedy of each.
            OSError: the store cannot be written.
            RuntimeError: a worker process died.
        """
        work = list(missing.items())
        # several processes that ingest one data set start at different cases and so share the work without locks
        random.Random(os.getpid()).shuffle(work)
        start, problems = time.monotonic(), []
        bar = {"total": len(work), "desc": "ingesting cases", "unit": "case", "disable": not sys.stderr.isatty()}
        for found in tqdm(self._results(work, num_workers), **bar):
            problems += found
        for line in summarized((problem for problem in problems if not problem.is_error), many=2):
            logger.warning(line)
        failed = len({problem.case for problem in problems if problem.is_error})
        logger.info(f"Ingested {len(work) - failed} of {len(work)} cases in {time.monotonic() - start:.1f} s.")
        raise_for_problems(problems)

    def ingest(self, folder: Path, item: Mapping[str, Any]) -> list[Problem]:
        """Slice one case into `folder` unless another process did, and return what is wrong with it.

        Raises:
            OSError: the store cannot be written.
        """
        if StoredCase.read(folder, self.dtype) is not None:
            return []
        problems: list[Problem] = []
        try:
            opened = with_volume_paths(item)
            problems = self.check(opened)[1] if self.check else []
            if any(problem.is_error for problem in problems):
                return problems
            slices = self.transform(opened)
        except Exception as error:  # whatever a transform raises at a broken file is a finding
            return [*problems, _slicing_problem(item=item, error=error)]
        try:
            with _writable(folder.parent), folder_atomically(folder, replace=False) as part:
                StoredCase.write(part, slices, self.dtype)
                if folder.exists() and StoredCase.read(folder, self.dtype) is None:
                    discard_folder(folder)
        except ValueError as error:
            return [*problems, _slicing_problem(item=item, error=error)]
        return problems

    def _results(self, work: list[tuple[Path, Mapping[str, Any]]], num_workers: int) -> Iterator[list[Problem]]:
        if not num_workers or len(work) == 1:
            yield from (self.ingest(folder, item) for folder, item in work)
            return
        # spawned, not forked: a fork of a process in which torch has run threads can hang
        pool = ProcessPoolExecutor(min(num_workers, len(work)), get_context("spawn"), _begin_worker)
        with pool:
            try:
                futures = [pool.submit(self.ingest, folder, item) for folder, item in work]
                yield from (future.result() for future in as_completed(futures))
            except BrokenProcessPool as error:
                raise RuntimeError(
                    f"{num_workers} ingesting processes must live, got a dead one, often for lack of memory: what is "
                    "ingested is kept; start again with fewer num_workers."
                ) from error
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _begin_worker() -> None:
    """Take one thread, and end when the parent does, also by a signal that it cannot answer."""
    torch.set_num_threads(1)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])  # a pipe that closes with the parent
    os._exit(1)  # the main thread may wait for work forever


@contextmanager
def _writable(store: Path) -> Iterator[None]:
    """Turn an error of the file system into one that says what to do."""
    try:
        yield
    except OSError as error:
        raise unwritable(store, error) from error


def unwritable(store: Path, error: OSError) -> OSError:
    """Return the error that names the store and the remedy.

    Args:
        store: folder that could not be written.
        error: what the file system said.
    """
    requirement = f"{store} must be a folder for the slice store that this process may write, with space left, got "
    return type(error)(
        error.errno, f"{requirement}{os.strerror(error.errno) if error.errno else error}: set cache_dir to another one"
    )


def _innermost(*, error: BaseException) -> BaseException:
    """Return the innermost error that says what must be and what came, else the innermost: MONAI wraps them all."""
    chain = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    worded = [one for one in chain if " must " in str(one) and ", got " in str(one)]
    return (worded or chain)[-1]


def _slicing_problem(*, item: Mapping[str, Any], error: Exception) -> Problem:
    image = item.get(IMAGE)
    file = str(image[0] if isinstance(image, list | tuple) and image else image)
    cause = _innermost(error=error)
    text = str(cause) if isinstance(cause, ValueError) else f"{type(cause).__name__}: {cause}"
    remedy = "see scripts/check_data.py for the file"
    return Problem(file, "be a case that can be sliced", text, remedy, case=str(item[CASE]))
