"""App of the MONAI Deploy App SDK: a study folder in; findings, a report and DICOM objects out."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from monai.deploy.conditions import CountCondition
from monai.deploy.core import Application
from monai.deploy.operators.dicom_data_loader_operator import DICOMDataLoaderOperator
from monai.deploy.operators.dicom_series_selector_operator import DICOMSeriesSelectorOperator

from bundle.clinic import NOTHING_READABLE, StudyOutcome, exit_status
from bundle.consumers.deploy.study_reader import StudyReader
from bundle.consumers.deploy.study_reader_operator import StudyReaderOperator
from bundle.dicom import NothingReadable

logger = logging.getLogger(__name__)


class StudyReadingApp(Application):
    """Graph of the app: the operator alone, or behind the SDK's loader and selector where there are rules for these.

    Args:
        reader: with an input folder.
        rules: of the SDK's selector, JSON; None lets the bundle's own rules choose.
    """

    def __init__(self, reader: StudyReader, rules: str | None = None) -> None:
        self.reader, self.rules = reader, rules
        self.outcomes: list[StudyOutcome] = []
        super().__init__(sys.argv[:1])

    def compose(self) -> None:
        """Build the graph."""
        once = CountCondition(self, 1)
        if self.rules is None:
            self.add_operator(
                StudyReaderOperator(
                    self, once, reader=self.reader, from_selections=False, tell=self.outcomes.append, name="reader"
                )
            )
            return
        reader = StudyReaderOperator(self, reader=self.reader, tell=self.outcomes.append, name="reader")
        loader = DICOMDataLoaderOperator(
            self, once, input_folder=self.reader.input_folder, must_load=False, name="loader"
        )
        # all that match, not the first one met: which of several is meant is for people to say
        selector = DICOMSeriesSelectorOperator(self, rules=self.rules, all_matched=True, name="selector")
        self.add_flow(loader, selector, {("dicom_study_list", "dicom_study_list")})
        self.add_flow(selector, reader, {("study_selected_series_list", "study_selected_series_list")})


def run_app(
    input: Path, output: Path, model: Path, selections: Path | None = None, log_level: str = "WARNING", **more: Any
) -> int:
    """Run the app and return its exit status, as `scripts/read_study.py` has it.

    Args:
        input: folder of the studies.
        output: where a folder per study goes.
        model: unpacked bundle, or a folder that holds one.
        selections: file with rules of the SDK's selector; None lets the bundle's own rules choose.
        log_level: of all loggers; the SDK's tell contents of headers from INFO on.
        **more: further settings of `StudyReader`.
    """
    logging.basicConfig(level=log_level, format="%(levelname)s: %(message)s")
    logging.getLogger("bundle").setLevel(logging.DEBUG if log_level == "DEBUG" else logging.INFO)
    # paths of files that it cannot read, which may hold a name; study.json has these files
    logging.getLogger(DICOMDataLoaderOperator.__module__).setLevel(logging.ERROR)
    rules = None if selections is None else selections.read_text(encoding="utf-8")
    app = StudyReadingApp(StudyReader(model, output, input, **more), rules)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pydicom")  # its words may hold values of a patient's header
            app.run()
    except NothingReadable as error:
        logger.error("%s", error)
        return NOTHING_READABLE
    except Exception as error:  # of any operator
        logger.error("%s: %s", type(error).__name__, error)
        return exit_status(app.outcomes) or 1
    return exit_status(app.outcomes)
