"""Stream of volumes for inference; a case that fails is recorded and does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch.utils.data import IterableDataset

from bundle import keys
from bundle.data.cases.case import with_identities
from bundle.volumes import Problem, with_volume_paths

logger = logging.getLogger(__name__)


class CaseStream(IterableDataset):
    """Stream of preprocessed cases for inference.

    A case that cannot be read, or has another number of channels than the network, is logged with its file and left
    out. A case that fails later, in the network or when it is written, is recorded by `fail`. `finish` raises the list
    of all of them.

    Args:
        data: case dicts, {"image": path or list of paths, optional "case", "patient", "site"}.
        transform: the preprocessing, case dict -> case dict with a volume (C, H, W, D).
        in_channels: channels the network expects.
        finished: names of cases to leave out because their results exist.
        validate_name: called with `case`, its name, and the `instances` of a DICOM series; raises where its results
            cannot be written.
        check: item -> (row, problems) as `check_case`; its warnings are logged, the first of each kind.

    Example:
        >>> import torch
        >>> items = [{"image": name, "case": name, "patient": name} for name in "ab"]
        >>> stream = CaseStream(items, lambda item: {"image": torch.zeros(3, 2, 2, 2)})
        >>> [case["case"] for case in stream], stream.failures
        (['a', 'b'], {})
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Callable[[dict[str, Any]], dict[str, Any]],
        in_channels: int = 3,
        finished: Sequence[str] | None = None,
        validate_name: Callable[..., Any] | None = None,
        check: Callable[[Mapping[str, Any]], tuple[Any, list[Problem]]] | None = None,
    ) -> None:
        self.data = data
        self.transform = transform
        self.in_channels = in_channels
        self.finished = frozenset(finished or ())
        self.validate_name = validate_name
        self.check = check
        self.failures: dict[str, str] = {}
        self._warned: set[tuple[str, ...]] = set()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the cases that can be read."""
        for item in with_identities(self.data, warn=False):
            case = str(item[keys.CASE])
            if case in self.finished:
                logger.info(f"{case}: its results exist, left as they are.")
                continue
            try:
                yield self.read(dict(item))
            except Exception as error:  # whatever a reader raises, the other cases shall have their results
                self.failures[case] = f"{item[keys.IMAGE]}: {_root_cause(error)}"
                logger.error(f"{case}: {self.failures[case]}")

    def read(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return a preprocessed case."""
        if self.validate_name is not None:
            self.validate_name(case=str(item[keys.CASE]), **{n: item[n] for n in (keys.INSTANCES,) if n in item})
        opened = with_volume_paths(item) if self.check is not None else item
        case = {keys.CASE: item[keys.CASE], **self.transform(dict(opened))}
        self._warn(opened)
        channels = case[keys.IMAGE].shape[0]
        if channels != self.in_channels:
            raise ValueError(
                f"image must have the network's {self.in_channels} channels, got {channels}: list one file per "
                "channel, in the order of training."
            )
        return case

    def _warn(self, item: Mapping[str, Any]) -> None:
        for problem in self.check(item)[1] if self.check is not None else ():
            if not problem.is_error and problem.kind not in self._warned:
                self._warned.add(problem.kind)
                logger.warning(f"{problem} Other cases of this kind are not named.")

    def fail(self, case: str, error: Exception) -> None:
        """Note that a case failed after it was read."""
        self.failures[case] = _root_cause(error)
        logger.error(f"{case}: {self.failures[case]}", exc_info=error)

    def finish(self) -> None:
        """Raise the list of failures, if there are any.

        Raises:
            RuntimeError: names every case that has no result, with the reason.
        """
        if self.failures:
            lines = "\n".join(f"  {case}: {reason}" for case, reason in self.failures.items())
            total = len(self.data)
            raise RuntimeError(f"all {total} cases must have results, got {len(self.failures)} without:\n{lines}")


def _root_cause(error: BaseException) -> str:
    """Return the message of the first error in a chain: MONAI wraps what a transform raises."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
