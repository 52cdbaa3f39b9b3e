"""Patient and site of a case: read off its id, or looked up in a table."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from bundle.data.cases.case_ids import as_id, clean_id
from bundle.data.cases.datalist_entries import meant_key
from bundle.data.cases.readable_names import is_decodable, readable


class CaseIdentity:
    """Map from a case id to its (patient, site).

    The table wins over the regular expressions; an empty cell leaves it to them. Without either, the patient is the
    case and the site ``"unknown"``.

    Args:
        patient: regular expression searched in the case id; its first group, or the whole match, is the patient.
        site: the same for the site.
        table: CSV with a column ``case`` and columns ``site`` and/or ``patient``.

    Raises:
        FileNotFoundError: if there is no such table.
        ValueError: if the table has no such columns or names a case twice, if a case is not in the
            table, or has an empty cell, and no expression stands in, or if an expression does not match a case id.

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
        row = self._rows.get(clean_id(case), {})
        cell = row.get(column)
        if cell is not None and (cell or regex is None):
            return as_id(cell, column, f"{self._table}, case {case!r}") or default
        if regex is not None:
            return _search(regex=regex, case=case, column=column)
        if self._rows and not row:
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
    if not table.is_file():
        raise FileNotFoundError(f"{table} must be a CSV with case, site and patient, got no such file: copy it there.")
    with table.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.DictReader(file, restval="", restkey="")
        reader.fieldnames = columns = [clean_id(name) for name in reader.fieldnames or []]
        if "case" not in columns or not {"site", "patient"} & set(columns):
            raise ValueError(
                f"{table} must have the columns case and site and/or patient, got {columns}: name them so."
            )
        for name in columns:
            meant = meant_key(name)
            if meant in ("site", "patient") and meant not in columns:
                raise ValueError(
                    f"{table} must have the column {meant}, got {name!r}: did you mean {meant!r}? Rename it, or remove "
                    "it if it is something else."
                )
        rows: dict[str, dict[str, str]] = {}
        for row in reader:
            cells = {name: clean_id(row[name]) for name in columns if name}
            if any(cells.values()):
                _add(rows=rows, cells=cells, where=f"{table}, line {reader.line_num},")
    return rows


def _add(*, rows: dict[str, dict[str, str]], cells: dict[str, str], where: str) -> None:
    text = ", ".join(cells.values())
    if not is_decodable(text):
        raise ValueError(f"{where} must be UTF-8, got {readable(text)}: save the table as UTF-8.")
    case = as_id(cells["case"], "case", where)
    if case in rows:
        raise ValueError(f"{where} must name a new case, got {case!r} again: remove one.")
    rows[str(case)] = cells
