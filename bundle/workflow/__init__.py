"""What surrounds a run: the guard of its overrides and its record."""

from bundle.workflow.override_guard import OverrideGuard
from bundle.workflow.run_record import RunRecord

__all__ = ["OverrideGuard", "RunRecord"]
