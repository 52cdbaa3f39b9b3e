"""Operator of the MONAI Deploy App SDK that reads studies with a packed bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from monai.deploy.core import ConditionType, Fragment, Operator, OperatorSpec

from bundle.clinic import NoMatch, StudyNetwork, StudyOutcome
from bundle.consumers.deploy.study_reader import StudyReader

logger = logging.getLogger(__name__)


class StudyReaderOperator(Operator):
    """Read studies with a packed bundle of any number of channels; write findings, report and DICOM objects.

    Named input:
        study_selected_series_list: list of ``StudySelectedSeries``, each with a selection for every channel. Only with
            `from_selections`.

    Named output:
        study_outcomes: list of `StudyOutcome`: folder of the results, outcome, a line for people. May lead nowhere.

    Every study leaves its results, or a record of why it has none. If none was read, the operator raises, so that
    nothing downstream takes silence for a negative.

    Args:
        fragment: application that it belongs to.
        reader: folders, bundle and names of the selections.
        from_selections: read series that the graph selected; else the bundle's own rules choose in the input folder.
        tell: called with each outcome as it comes.
    """

    def __init__(
        self,
        fragment: Fragment,
        *args: Any,
        reader: StudyReader,
        from_selections: bool = True,
        tell: Callable[[StudyOutcome], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.reader, self.from_selections, self.tell = reader, from_selections, tell
        self.network: StudyNetwork | None = None
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec: OperatorSpec) -> None:
        """Declare input and output."""
        if self.from_selections:
            spec.input("study_selected_series_list")
        spec.output("study_outcomes").condition(ConditionType.NONE)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Read all studies of one input."""
        self.network = self.network or self.reader.network()
        selected = op_input.receive("study_selected_series_list") if self.from_selections else None
        outcomes = self.reader.read(self.network, selected, self._tell)
        if all(outcome.outcome != "read" for outcome in outcomes):
            kind = NoMatch if all(outcome.outcome == "no match" for outcome in outcomes) else RuntimeError
            raise kind("a study must be read, got none: its status.json says why.")
        op_output.emit(outcomes, "study_outcomes")

    def _tell(self, outcome: StudyOutcome) -> None:
        logger.log(logging.INFO if outcome.outcome == "read" else logging.ERROR, outcome.text)
        if self.tell is not None:
            self.tell(outcome)
