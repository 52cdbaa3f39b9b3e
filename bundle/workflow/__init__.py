"""The frame of a run: its first check, its record, guard of its evaluation, table of its knobs, its last lines."""

from bundle.workflow.begin import OverrideGuard, begin_run, checked_config, refuse_unknown_overrides
from bundle.workflow.command_line import CommandLine
from bundle.workflow.last_line import end_with_one_line
from bundle.workflow.run_folder import hold_run_folder
from bundle.workflow.run_record import RunRecord
from bundle.workflow.teacher import Teacher
from bundle.workflow.trained_settings import SameSettings, require_trained_settings
from bundle.workflow.training_end import TrainingEnd

__all__ = [
    "CommandLine",
    "OverrideGuard",
    "RunRecord",
    "SameSettings",
    "Teacher",
    "TrainingEnd",
    "begin_run",
    "checked_config",
    "end_with_one_line",
    "hold_run_folder",
    "refuse_unknown_overrides",
    "require_trained_settings",
]
