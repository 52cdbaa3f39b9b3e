"""Policy of a gate: the lists in `policy.yaml`, or in a hospital's copy of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

DEFAULT = Path(__file__).parent / "policy.yaml"


@dataclass(frozen=True)
class Policy:
    """Permissions of a bundle. Every field is an entry of `policy.yaml`, which explains it.

    Args:
        targets: components that a config may make.
        imports: modules that `$import` may name.
        names: names of libraries in an expression.
        functions: functions of Python in an expression.
        attributes: attributes of components in an expression.
        expressions: whole expressions that a person has read.
        values: entry -> its permitted values.
        addresses: `file#entry` that may hold an address on the net.
        files: endings of file names.
        weights: classes and functions that a file of weights may name.
        packages: that metadata.json may ask for.
        licenses: of the packages that the bundle needs.
        limits: sizes of the archive.

    Example:
        >>> Policy.read().functions[:3]
        ['abs', 'bool', 'dict']
    """

    targets: list[str]
    imports: list[str]
    names: list[str]
    functions: list[str]
    attributes: list[str]
    expressions: list[str]
    values: Mapping[str, list[Any]]
    addresses: list[str]
    files: list[str]
    weights: list[str]
    packages: list[str]
    licenses: list[str]
    limits: Mapping[str, float]

    @classmethod
    def read(cls, path: str | os.PathLike[str] = DEFAULT) -> Policy:
        """Return the policy of a YAML file.

        Args:
            path: a copy of `policy.yaml`, with all of its entries.

        Raises:
            ValueError: it is no YAML, or lacks an entry, has another one or one of another kind.

        Example:
            >>> Policy.read().limits["files"]
            2000
        """
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} must be YAML, got {' '.join(str(error).split())}: correct it.") from error
        known = {field.name: dict if field.name in ("values", "limits") else list for field in fields(cls)}
        given = content if isinstance(content, dict) else {}
        if wrong := [name for name in {**known, **given} if type(given.get(name)) is not known.get(name)]:
            raise ValueError(
                f"{path} must have the entries of {DEFAULT.name}, each a list or a table as there, got a wrong "
                f"{', '.join(map(str, wrong))}: start from `scripts/gate.py --print_policy`."
            )
        return cls(**given)

    def permits(self, target: str, rooms: Mapping[str, frozenset[str]]) -> bool:
        """Return whether a config may make a component.

        Args:
            target: value of a `_target_`.
            rooms: module of the packed code -> names in its `__all__`.

        Example:
            >>> rooms = {"bundle.losses": frozenset({"DistributionKL"})}
            >>> permits = Policy.read().permits
            >>> [permits(f"bundle.losses.{name}", rooms) for name in ("DistributionKL", "kl.torch.hub.load", "os")]
            [True, False, False]
        """
        module, _, name = target.rpartition(".")
        if target in self.targets:
            return True
        # a module of a library that it imports would be a way to all of Python: `bundle.losses.kl.torch.hub.load`
        return f"{module}.*" in self.targets and (
            name in rooms[module] if module in rooms else name.isidentifier() and name[0].isupper()
        )
