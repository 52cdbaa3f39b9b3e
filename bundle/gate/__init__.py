"""A hospital's gate: a packed bundle is looked at, without importing or running anything of it.

No other room imports this one, and it is not packed: the gate must not come with what it looks at.
"""

from bundle.gate.finding import Finding
from bundle.gate.gate import GateReport, gate
from bundle.gate.policy import DEFAULT, Policy

__all__ = ["DEFAULT", "Finding", "GateReport", "Policy", "gate"]
