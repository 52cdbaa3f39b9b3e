"""Gate of a hospital: a packed bundle is looked at, and nothing of it is imported or run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bundle.gate.archive import read_archive
from bundle.gate.configs import Configs
from bundle.gate.contents import (
    code_findings,
    kind_findings,
    logging_findings,
    rooms,
    sum_findings,
    sums,
)
from bundle.gate.dependencies import dependency_findings, licenses
from bundle.gate.finding import Finding, plain
from bundle.gate.policy import DEFAULT, Policy
from bundle.gate.weights import weight_findings
from bundle.packing import bundle_files

_TRUST = "the archive's own sha256 proves who sent it only if you have it from elsewhere: compare it with theirs"


@dataclass(frozen=True)
class GateReport:
    """Result of a gate.

    Args:
        archive: file name.
        sha256: of the archive.
        findings: reasons to refuse it.
        seen: what was looked at: targets, expressions, licenses, files of weights and of code.

    Example:
        >>> GateReport("a.zip", "0" * 64, [Finding("a", "", "be b", "c", "d")]).lines()[-1]
        'refused: 1 finding'
    """

    archive: str
    sha256: str
    findings: list[Finding]
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """True if nothing speaks against the bundle."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """Return everything for a machine."""
        findings = [dict(vars(finding), got=str(finding.got)) for finding in self.findings]
        verdict = {"archive": self.archive, "sha256": self.sha256, "passes": self.passes}
        return {**verdict, "findings": findings, **self.seen}

    def lines(self) -> list[str]:
        """Return everything for people: what was seen, one line a finding, the verdict."""
        listed = [
            line
            for what, seen in self.seen.items()
            for line in [f"{what}: {len(seen)}", *(f"  {plain(_line(one))}" for one in _items(seen))]
        ]
        count = len(self.findings)
        verdict = f"refused: {count} finding{'s' * (count != 1)}" if count else "passes"
        head = [f"{plain(self.archive)}: sha256 {self.sha256}", f"  {_TRUST}"]
        return [*head, *listed, *map(str, self.findings), verdict]


def gate(
    archive: str | os.PathLike[str],
    policy: str | os.PathLike[str] = DEFAULT,
    code: str | os.PathLike[str] | None = None,
    sha256: str | None = None,
) -> GateReport:
    """Return what speaks against a packed bundle, and what was seen in it. Nothing of it is imported or run.

    Args:
        archive: zip by `pack_bundle`.
        policy: YAML file.
        code: list of sha256 of code that was reviewed, as SHA256SUMS of a bundle; None takes the code of this gate.
        sha256: of the archive, as its sender tells it.

    Raises:
        ValueError: the policy or the list of code cannot be read.
        OSError: there is no such file.

    Example:
        >>> import tempfile, zipfile
        >>> file = Path(tempfile.mkdtemp()) / "a.zip"
        >>> with zipfile.ZipFile(file, "w") as made:
        ...     made.writestr("a/configs/train.json", '{"run": ["$open(1)"]}')
        >>> any(finding.place == "run#0" for finding in gate(file).findings)
        True
    """
    path, rules = Path(archive), Policy.read(policy)
    known = _own_code() if code is None else sums(Path(code).read_bytes())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    files, findings = read_archive(path, rules)
    if sha256 is not None and sha256.lower() != digest:
        remedy = "do not use it, ask its sender for another archive"
        findings.append(Finding(path.name, "", f"have the sha256 {sha256}", digest, remedy))
    if not files:
        return GateReport(path.name, digest, findings)
    configs = Configs(files, rules, rooms(files))
    findings += [*configs.findings(), *_of_files(files, rules, known)]
    return GateReport(path.name, digest, findings, _seen(files, configs))


def _own_code() -> dict[str, str]:
    """Return name -> sha256 of the files that this version packs."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in bundle_files().items()}


def _of_files(files: Mapping[str, bytes], policy: Policy, known: Mapping[str, str]) -> Iterator[Finding]:
    yield from sum_findings(files)
    yield from kind_findings(files, policy)
    yield from code_findings(files, known)
    yield from logging_findings(files)
    yield from dependency_findings(files, policy)
    for name, data in files.items():
        if name.endswith(".pt"):
            yield from weight_findings(name, data, policy)


def _seen(files: Mapping[str, bytes], configs: Configs) -> dict[str, Any]:
    try:
        stated = licenses(files)
    except ValueError:
        stated = {}  # a finding tells
    return {
        "targets": sorted(configs.targets),
        "expressions": configs.expressions,
        "packages": stated,
        "weights": sorted(name for name in files if name.endswith(".pt")),
    }


def _items(seen: Any) -> list[Any]:
    return list(seen.items()) if isinstance(seen, Mapping) else list(seen)


def _line(one: Any) -> str:
    """Return an entry, or a pair as one line."""
    if isinstance(one, str):
        return one
    name, value = one
    return f"{name}  ({', '.join(value) if isinstance(value, list) else value})"
