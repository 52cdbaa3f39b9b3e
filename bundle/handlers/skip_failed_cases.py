"""Inference that goes on with the next case after one has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from ignite.engine import Engine

from bundle import keys
from bundle.files import is_no_space

_ERRORS_OF_ALL_CASES = (torch.OutOfMemoryError, torch.AcceleratorError)
"""Errors that do not depend on the case: the next one would meet them too."""


class SkipFailedCases:
    """Runs the evaluator's iteration, reports an error as that of its case and continues with the next case.

    Pass it as `iteration_update`. It covers the network, the postprocessing and all handlers of
    `IterationEvents.MODEL_COMPLETED`. A GPU that is full or broken still ends the run, as do a full
    disk and an interrupt.

    Args:
        report: called with the case's name and the error.

    Example:
        >>> class Failing(Engine):
        ...     def _iteration(self, engine, batch): raise ValueError("no such luck")
        >>> failing = Failing(SkipFailedCases(lambda case, error: print(case, error)))
        >>> failing.run([{"case": ["a"]}, {"case": ["b"]}]).iteration
        a no such luck
        b no such luck
        2
    """

    def __init__(self, report: Callable[[str, Exception], None]) -> None:
        self.report = report

    def __call__(self, engine: Engine, batch: Mapping[str, Any]) -> Any:
        """Return the output of the iteration, nothing for a case that failed."""
        try:
            # MONAI 1.6.1 has no public name for an evaluator's own iteration; one, or an error event of an iteration
            # that lets the run go on, would remove this.
            return engine._iteration(engine, batch)
        except Exception as error:  # any error of a step: the other cases shall have their results
            if any(isinstance(cause, _ERRORS_OF_ALL_CASES) or is_no_space(cause) for cause in _causes(error)):
                raise
            self.report(str(batch[keys.CASE][0]), error)
            engine.state.batch = []
            return []


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes: MONAI wraps the errors of transforms."""
    while error is not None:
        yield error
        error = error.__cause__
