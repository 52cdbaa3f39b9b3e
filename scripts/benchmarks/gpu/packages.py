"""Packages that the check needs, against those that are installed."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.gpu.check import ROOT


def unmet(project: Path = ROOT / "pyproject.toml") -> tuple[str, str]:
    """Return a sentence about what is missing, and one about what has another version; nothing where all fits.

    Args:
        project: file that names the ranges.
    """
    from packaging.requirements import Requirement

    found = re.search(r"^dependencies = \[(.*?)^\]", project.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    needed = [Requirement(text) for text in re.findall(r'^    "([^"]+)"', found[1] if found else "", re.MULTILINE)]
    missing, others = [], []
    for need in (*needed, Requirement("pytest>=8")):
        try:
            installed = version(need.name)
        except PackageNotFoundError:
            missing.append(need.name)
            continue
        if not need.specifier.contains(installed, prereleases=True):
            others.append(f"{need}, got {installed}")
    names = " ".join(missing)
    remedy = f'install them, or where there is a network run make gpu-wheels GPU_PACKAGES="{names}"'
    return (
        f"packages must be installed, got none of {names}: {remedy}." if missing else "",
        f"packages should fit pyproject.toml: {'; '.join(others)}." if others else "",
    )
