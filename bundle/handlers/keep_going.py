"""One case that fails does not take the results of the others with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from ignite.engine import Engine

from bundle import keys

OF_ALL_CASES = (torch.OutOfMemoryError, torch.AcceleratorError)
"""Errors that say nothing of the case: the next one would meet them too."""


class KeepGoing:
    """The evaluator's iteration, whose error is reported as that of its case; the run goes on with the next one.

    Give it as `iteration_update`. It covers the network, the postprocessing and all that is attached to
    `IterationEvents.MODEL_COMPLETED`. A GPU that is full or broken still ends the run, as does an interrupt.

    Args:
        report: called with the case's name and the error.

    Example:
        >>> class Failing(Engine):
        ...     def _iteration(self, engine, batch): raise ValueError("no such luck")
        >>> failing = Failing(KeepGoing(lambda case, error: print(case, error)))
        >>> failing.run([{"case": ["a"]}, {"case": ["b"]}]).iteration
        a no such luck
        b no such luck
        2
    """

    def __init__(self, report: Callable[[str, Exception], None]) -> None:
        self.report = report

    def __call__(self, engine: Engine, batch: Mapping[str, Any]) -> Any:
        """Return what the iteration returns, nothing for a case that failed."""
        try:
            return engine._iteration(engine, batch)
        except Exception as error:  # whatever a step raises, the other cases shall have their results
            if any(isinstance(one, OF_ALL_CASES) for one in chain_of(error)):
                raise
            self.report(str(batch[keys.CASE][0]), error)
            engine.state.batch = []
            return []


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it: MONAI wraps what a transform raises."""
    while error is not None:
        yield error
        error = error.__cause__
