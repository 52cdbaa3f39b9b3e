"""The files of a folder sorted by case and part, with the places of those that are not there."""

from __future__ import annotations

from pathlib import Path

from bundle.data.file_pattern import FilePattern


class FoundFiles:
    """All files below a root that fit a pattern, addressed by case id and part (a channel, a slice number).

    Args:
        root: folder that the pattern starts from.
        pattern: template with a field ``case`` and the field `part`.
        part: name of the field that tells a case's files apart.

    Raises:
        FileNotFoundError: if `root` is no folder, or no file in it fits; both name an example of what is there.
        ValueError: if two files claim to be the same part of a case.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> (root / "a_1.tif").touch()
        >>> files = FoundFiles(root, FilePattern("{case}_{n}.tif", {"case": "[a-z]+", "n": "[0-9]+"}), part="n")
        >>> files.cases, files.has("a", "2"), Path(files.path("a", "2")).name
        (['a'], False, 'a_2.tif')
    """

    def __init__(self, root: Path, pattern: FilePattern, *, part: str) -> None:
        if not root.is_dir():
            raise FileNotFoundError(f"Expected the folder of the data set, but {root} is no folder. Set dataset_dir.")
        self._root = root
        self._pattern = pattern
        self._part = part
        self._files: dict[str, dict[str, Path]] = {}
        self._fields: dict[str, dict[str, str]] = {}
        for fields, path in pattern.find(root):
            self._add(fields=fields, path=path)
        if not self._files:
            raise FileNotFoundError(_nothing(root=root, pattern=pattern))

    @property
    def cases(self) -> list[str]:
        """Ids of all cases, sorted."""
        return sorted(self._files)

    def parts(self, case: str) -> list[str]:
        """Names of the parts of a case that exist."""
        return sorted(self._files[case])

    def has(self, case: str, part: str) -> bool:
        """Tell whether this part of the case exists."""
        return part in self._files[case]

    def path(self, case: str, part: str) -> str:
        """Return the file, or if it is missing the place beside the case's other files where it should be."""
        found = self._files[case].get(part)
        return str(found or self._pattern.path(self._root, {**self._fields[case], self._part: part}))

    def _add(self, *, fields: dict[str, str], path: Path) -> None:
        case, part = fields["case"], fields[self._part]
        files = self._files.setdefault(case, {})
        if part in files:
            raise ValueError(
                f"Expected one file for {self._part} {part!r} of case {case!r}, but found {files[part]} and {path}. "
                "Remove one, or rename the case if these are two patients."
            )
        files[part] = path
        self._fields.setdefault(case, fields)


def _nothing(*, root: Path, pattern: FilePattern) -> str:
    inside = next((path.relative_to(root).as_posix() for path in sorted(root.glob("*/*"))), None)
    return (
        f"Expected files like {pattern.template} below {root}, but found none "
        f"({'the first file there is ' + inside if inside else 'there are no files in its folders'}). "
        "Check dataset_dir and the finder's pattern."
    )
