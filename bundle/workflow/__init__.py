"""The frame of a run: guard of its overrides, its record, guard of its evaluation, table of its knobs."""

from bundle.workflow.override_guard import OverrideGuard, refuse_unknown_overrides
from bundle.workflow.run_record import RunRecord
from bundle.workflow.trained_settings import SameSettings, require_trained_settings
from bundle.workflow.training_end import TrainingEnd

__all__ = [
    "OverrideGuard",
    "RunRecord",
    "SameSettings",
    "TrainingEnd",
    "refuse_unknown_overrides",
    "require_trained_settings",
]
