"""What surrounds a run: the guard of its overrides, its record, and the guard of its evaluation."""

from bundle.workflow.override_guard import OverrideGuard
from bundle.workflow.run_record import RunRecord
from bundle.workflow.same_settings import SameSettings

__all__ = ["OverrideGuard", "RunRecord", "SameSettings"]
