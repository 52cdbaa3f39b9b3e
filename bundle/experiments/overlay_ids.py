"""Which ids of a config an overlay sets, and whether another id has to do with them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import yaml
from monai.bundle import ConfigParser

from bundle.experiments.bundle_run import BUNDLE_ROOT
from bundle.workflow.command_line import plain_id


@cache
def overlay_ids(overlay: str) -> tuple[str, ...]:
    """Return the ids that a config file sets.

    Args:
        overlay: its path, relative to the bundle's root.

    Raises:
        ValueError: there is no such file, or it is no mapping.

    Example:
        >>> overlay_ids("configs/beyond/ema.yaml")
        ('ema_momentum',)
    """
    path = BUNDLE_ROOT / overlay
    if not path.is_file():
        raise ValueError(f"an overlay expected a config file, got {path}, which is not there.")
    try:
        content = ConfigParser.load_config_file(path)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} expected YAML or JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} expected `id: value` lines, got {content!r}.")
    return tuple(plain_id(name) for name in content)


def touching(names: Iterable[str], ids: Iterable[str]) -> list[str]:
    """Return the names that are one of the ids, a part of one, or have one as a part.

    Example:
        >>> touching(["optimizer#lr", "optimizer", "optimizer_2", "attribution::beta"], ["optimizer#lr", "attribution"])
        ['optimizer#lr', 'optimizer', 'attribution::beta']
    """
    others = [f"{id_}#" for id_ in map(plain_id, ids)]
    return [
        name
        for name in names
        if any(f"{plain_id(name)}#".startswith(other) or other.startswith(f"{plain_id(name)}#") for other in others)
    ]
