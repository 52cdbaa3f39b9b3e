"""Names of cases that tell nobody whose they are, and the table that does, which stays with the user."""

from __future__ import annotations

import csv
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import pandas as pd
from filelock import FileLock

from bundle.files import read_csv, write_atomically
from bundle.volumes.dicom_series.open_file import printable
from bundle.volumes.dicom_series.planes import Study

_DIGITS = 12
_COLUMNS = ("name", "patient_id", "patient_name", "study_instance_uid", "file")
_SECONDS = 60


class CaseNames:
    """Names of cases and files, as a keyed hash; the same key gives the same names.

    Args:
        key_file: holds the key; made on first use, readable by its owner alone. Beside it, under the same name with
            ``.names.csv``, lies the table of names. None takes the identity itself.

    Raises:
        ValueError: the key is shorter than 32 characters, or is gone while its table of names is there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     names = CaseNames(Path(folder) / "key")
        ...     name = names.of_study(Study("Doe", "1.2"))
        ...     name == CaseNames(Path(folder) / "key").of_study(Study("Doe", "1.2")), len(name), "Doe" in name
        (True, 17, False)
        >>> CaseNames(None).of_study(Study("Doe", "1.2.34"))
        'Doe_1.2.34'
    """

    def __init__(self, key_file: str | os.PathLike[str] | None) -> None:
        # a shell leaves the ~ of --key_file=~/key, and so does a file of arguments
        self.key_file = None if key_file is None else Path(key_file).expanduser()
        self.key = b"" if self.key_file is None else _key(self.key_file)
        self._given: dict[str, Study] = {}

    def of_study(self, study: Study) -> str:
        """Return the name of a case.

        Args:
            study: whose case it is.
        """
        if self.key_file is None:
            return self._unique(re.sub(r"[^\w.-]+", "_", f"{study.patient}_{study.uid}").strip("._") or "study", study)
        return f"case_{self._hashed(*study)}"

    def _unique(self, name: str, study: Study) -> str:
        """Return the name, with a number where another study has it: it would replace the results of that one."""
        tries = (name if number == 1 else f"{name}_{number}" for number in count(1))
        return next(each for each in tries if self._given.setdefault(each, study) == study)

    def of_patient(self, study: Study) -> str:
        """Return the name of a patient, the same in each study, so that a split keeps a patient together.

        Args:
            study: one of the patient's.
        """
        if self.key_file is None:
            return re.sub(r"[^\w.-]+", "_", study.patient).strip("._")
        return f"patient_{self._hashed(study.patient)}"

    def of_file(self, file: Path) -> str:
        """Return the name of a file whose path may hold the name of a patient.

        Args:
            file: of the study folder.
        """
        return printable(file) if self.key_file is None else f"file_{self._hashed(str(file.absolute()))}"

    def keep(self, rows: Sequence[Mapping[str, str]]) -> Path | None:
        """Add rows to the table of names.

        Args:
            rows: by the columns name, patient_id, patient_name, study_instance_uid, file.

        Returns:
            The table; None where names are the identity itself.

        Raises:
            ValueError: the table is damaged, or a spreadsheet has saved it in another form.
        """
        if self.key_file is None:
            return None
        table = _table(self.key_file)
        with FileLock(f"{table}.lock", timeout=_SECONDS):
            old = self._read(table) if table.exists() else pd.DataFrame(columns=_COLUMNS)
            new = pd.DataFrame(rows, columns=_COLUMNS).fillna("")
            merged = pd.concat([old, new]).drop_duplicates("name", keep="last")
            write_atomically(table, lambda part: _write_private(part, _as_csv(merged)))
        return table

    def _read(self, table: Path) -> pd.DataFrame:
        """Return the table of names; what another program changed in it would be lost when it is written again."""
        try:
            rows = read_csv(table)
            found = "" if set(rows.columns) >= set(_COLUMNS) else "other columns"  # which may be those of a patient
        except ValueError:
            found = "another form"
        if not found and (changed := [name for name, *study in _studies(rows) if self.of_study(Study(*study)) != name]):
            found = f"another PatientID or study for {changed[0]}"
        if found:
            raise ValueError(
                f"{table} must be the table of names as it was written (UTF-8, commas, columns {', '.join(_COLUMNS)}), "
                f"got {found}: restore it, or move it away."
            )
        return rows

    def _hashed(self, *parts: str) -> str:
        return hmac.digest(self.key, "\0".join(parts).encode(errors="surrogateescape"), "sha256").hex()[:_DIGITS]


class NumberedNames(CaseNames):
    """Names of cases and files by their number, in the order in which they are asked for.

    Example:
        >>> names = NumberedNames()
        >>> [names.of_study(Study("Doe", uid)) for uid in ("1.2", "1.3", "1.2")], names.of_patient(Study("Doe", "1.3"))
        (['study_1', 'study_2', 'study_1'], 'patient_1')
    """

    def __init__(self) -> None:
        super().__init__(None)
        self._numbers: dict[str, list[object]] = {"study": [], "patient": [], "file": []}

    def of_study(self, study: Study) -> str:
        """Return the name of a case."""
        return self._numbered("study", study)

    def of_patient(self, study: Study) -> str:
        """Return the name of a patient."""
        return self._numbered("patient", study.patient)

    def of_file(self, file: Path) -> str:
        """Return the name of a file."""
        return self._numbered("file", file)

    def _numbered(self, kind: str, identity: object) -> str:
        known = self._numbers[kind]
        if identity not in known:
            known.append(identity)
        return f"{kind}_{known.index(identity) + 1}"


def _key(file: Path) -> bytes:
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock", timeout=_SECONDS):
        if not file.exists():
            if _table(file).exists():
                raise ValueError(
                    f"{file} must be there, as its table {_table(file).name} is, got none: restore it, or move the "
                    "table away. A new key gives every study another name."
                )
            write_atomically(file, lambda part: _write_private(part, secrets.token_hex(32)))
    key = file.read_bytes().strip()
    if len(key) < 32:
        raise ValueError(f"{file} must hold a key of at least 32 characters, got {len(key)}: name another file.")
    return key


def _table(key_file: Path) -> Path:
    return key_file.with_name(f"{key_file.name}.names.csv")


def _studies(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield name, PatientID and StudyInstanceUID; the rows of files have none."""
    yield from rows.loc[rows.study_instance_uid != "", ["name", "patient_id", "study_instance_uid"]].to_numpy().tolist()


def _as_csv(table: pd.DataFrame) -> str:
    # quoted, as the header of a patient may hold a line break
    return table.to_csv(index=False, quoting=csv.QUOTE_ALL, lineterminator="\n")


def _write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
