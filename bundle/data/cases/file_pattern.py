"""A path template with named fields, read both ways: files -> fields, and fields -> the file that should be there."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bundle.data.cases.case import file_stem
from bundle.data.cases.fitting_overlays import no_cases
from bundle.data.cases.readable_names import readable, require_readable_name, walk
from bundle.volumes import is_volume

_TOKEN = re.compile(r"(\*\*/|\{\w+\}|\*)")


class FilePattern:
    """Template such as ``{case}/{case}_{channel}.nii``; ``**/`` stands for any folders in between, ``*`` for any text.

    Args:
        template: path relative to a root, with ``/`` between folders.
        fields: for each field of the template the regular expression that its text must match.

    Raises:
        ValueError: if the template names a field that has no expression, or lacks one that has.

    Example:
        >>> pattern = FilePattern("scans/volume-{key}.nii", {"key": "[0-9]+"})
        >>> pattern.match("scans/volume-15.nii"), pattern.match("scans/volume-x.nii")
        ({'key': '15'}, None)
        >>> pattern.path(Path("LiTS17"), {"key": "15"}).as_posix()
        'LiTS17/scans/volume-15.nii'
    """

    def __init__(self, template: str, fields: Mapping[str, str]) -> None:
        tokens = _TOKEN.split(template)
        named = {token[1:-1] for token in tokens if token.startswith("{")}
        if named != set(fields):
            raise ValueError(
                f"pattern must have the fields {sorted(fields)} in braces, got {sorted(named)} in {template!r}: add "
                "what is missing."
            )
        self.template = template
        self._tokens = tokens
        self._regex = re.compile(_as_regex(tokens=tokens, fields=fields))

    def match(self, relative: str) -> dict[str, str] | None:
        """Return the fields of a path relative to the root, or None if it does not fit the template."""
        match = self._regex.fullmatch(relative)
        return match.groupdict() if match else None

    def find(self, root: Path) -> Iterator[tuple[dict[str, str], Path]]:
        """Yield fields and path of each file below `root` that fits, sorted; macOS's ``._`` twins are no data."""
        for path in sorted(root.glob(_as_glob(tokens=self._tokens))):
            fields = self.match(path.relative_to(root).as_posix())
            if fields is not None and not path.name.startswith("._"):
                require_readable_name(path)
                yield fields, path

    def start(self, root: Path) -> Path:
        """Return the deepest folder that holds all files that can fit."""
        return root / self._tokens[0].rpartition("/")[0]

    def path(self, root: Path, fields: Mapping[str, str]) -> Path:
        """Return the file that the fields stand for; ``folder`` is what ``**/`` matched, by default nothing."""
        filled = [_fill(token=token, fields=fields) for token in self._tokens]
        return root / "".join(filled)


def _as_regex(*, tokens: list[str], fields: Mapping[str, str]) -> str:
    parts: list[str] = []
    for index, token in enumerate(tokens):
        if token == "**/":
            parts.append("(?P<folder>(?:.+/)?)" if "**/" not in tokens[:index] else "(?:.+/)?")
        elif token == "*":
            parts.append("[^/]*")
        elif token.startswith("{"):
            name = token[1:-1]
            # The same field again must hold the same text: <case>/<case>_t1.nii.
            parts.append(f"(?P={name})" if token in tokens[:index] else f"(?P<{name}>{fields[name]})")
        else:
            parts.append(re.escape(token))
    return "".join(parts)


def _as_glob(*, tokens: list[str]) -> str:
    parts = [token if token == "**/" else "*" if _TOKEN.fullmatch(token) else glob.escape(token) for token in tokens]
    # Neighboring fields would give ** inside a name, which means something else to glob.
    return re.sub(r"\*{2,}(?!/)", "*", "".join(part for part in parts if part))


def _fill(*, token: str, fields: Mapping[str, str]) -> str:
    if token == "**/":
        return fields.get("folder", "")
    return fields[token[1:-1]] if token.startswith("{") else token


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
            raise FileNotFoundError(f"{root} must be the folder of the data set, got no folder: set dataset_dir.")
        self._root = root
        self._pattern = pattern
        self._part = part
        self._files: dict[str, dict[str, Path]] = {}
        self._fields: dict[str, dict[str, str]] = {}
        for fields, path in pattern.find(root):
            self._add(fields=fields, path=path)
        if not self._files:
            raise no_cases(root, _nothing(root=root, pattern=pattern))

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

    def beside(self, case: str) -> list[str]:
        """Return what follows the case's id in the names of the files in its folder, or their names."""
        folder = next(iter(self._files[case].values())).parent
        stems = sorted(file_stem(file) for file in folder.iterdir() if file.is_file() and is_volume(file))
        own = [stem for stem in stems if stem.startswith(case)] or stems
        return [stem.removeprefix(case).lstrip("-_. ") for stem in own[:12]]

    def path(self, case: str, part: str) -> str:
        """Return the file, or if it is missing the place beside the case's other files where it should be."""
        found = self._files[case].get(part)
        return str(found or self._pattern.path(self._root, {**self._fields[case], self._part: part}))

    def _add(self, *, fields: dict[str, str], path: Path) -> None:
        case, part = fields["case"], fields[self._part]
        files = self._files.setdefault(case, {})
        if part in files:
            raise ValueError(
                f"case {case!r} must have one file for {self._part} {part!r}, got {files[part]} and {path}: remove "
                "one, or rename the case if these are two patients."
            )
        files[part] = path
        self._fields.setdefault(case, fields)


def _nothing(*, root: Path, pattern: FilePattern) -> str:
    files = sorted(Path(folder, name) for folder, _, names in walk(root) for name in names)
    inside = readable(files[0].relative_to(root).as_posix()) if files else ""
    return (
        f"{root} must hold files like {pattern.template}, got none "
        f"({'the first file there is ' + inside if inside else 'there are no files in its folders'}): "
        "check dataset_dir and the finder's pattern"
    )
