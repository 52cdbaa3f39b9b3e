"""Patient and site of a case: read off its id, or looked up in a table."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable
from pathlib import Path


class CaseIdentity:
    """Map from a case id to its (patient, site).

    The table wins over the regular expressions. Without either, the patient is the case and the site ``"unknown"``.

    Args:
        patient: regular expression searched in the case id; its first group, or the whole match, is the patient.
        site: the same for the site.
        table: CSV with a column ``case`` and columns ``site`` and/or ``patient``.

    Raises:
        ValueError: if the table has no such columns or names a case twice, if a case is not in the table and no
            expression stands in, or if an expression does not match a case id.

    Example:
        >>> CaseIdentity(patient=r"^TCGA_[^_]+_[^_]+", site=r"^TCGA_([^_]+)")("TCGA_CS_4941_19960909")
        ('TCGA_CS_4941', 'CS')
    """

    def __init__(self, *, patient: str | None = None, site: str | None = None, table: Path | None = None) -> None:
        self._patient = patient
        self._site = site
        self._table = table
        self._rows = {} if table is None else _read(table=table)

    def __call__(self, case: str) -> tuple[str, str]:
        """Return patient and site of a case."""
        return self._lookup(case, "patient", self._patient, case), self._lookup(case, "site", self._site, "unknown")

    def warn_unused(self, cases: Iterable[str]) -> None:
        """Warn of table rows for which no case was found, because that is often a wrong folder or id."""
        unused = sorted(set(self._rows) - set(cases))
        if unused:
            warnings.warn(
                f"{self._table}: {len(unused)} of {len(self._rows)} rows name a case that is not on disk, "
                f"e.g. {unused[0]!r}.",
                stacklevel=3,
            )

    def _lookup(self, case: str, column: str, regex: str | None, default: str) -> str:
        value = self._rows.get(case, {}).get(column)
        if value:
            return value
        if regex is not None:
            return _search(regex=regex, case=case, column=column)
        if self._rows and case not in self._rows:
            raise ValueError(
                f"{self._table} must have a row for every case, got none for {case!r}: add it, or give `{column}` as a "
                "regular expression."
            )
        return default


def _search(*, regex: str, case: str, column: str) -> str:
    match = re.search(regex, case)
    if match is None:
        raise ValueError(f"case ids must match {column}={regex!r}, got {case!r}: change the expression.")
    return match.group(1) if match.re.groups else match.group()


def _read(*, table: Path) -> dict[str, dict[str, str]]:
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        if "case" not in columns or not {"site", "patient"} & set(columns):
            raise ValueError(
                f"{table} must have the columns case and site and/or patient, got {list(columns)}: name them so."
            )
        rows: dict[str, dict[str, str]] = {}
        for row in reader:
            if row["case"] in rows:
                raise ValueError(
                    f"{table}, line {reader.line_num}, must name a new case, got {row['case']!r} again: remove one."
                )
            rows[row["case"]] = row
    return rows
