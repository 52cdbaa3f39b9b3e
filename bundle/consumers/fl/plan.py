"""The plan of a federation: settings that all hospitals share, and those that are a hospital's own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bundle.keys import START_WEIGHTS
from bundle.workflow import CommandLine, checked_config
from bundle.workflow.compare import as_recorded
from bundle.workflow.knobs import names

ROOT = Path(__file__).parents[3]
_KEYS = ("config_file", "knobs", "rounds", "local_epochs", "patch_norm_statistics", "initial_weights", "sites")
_OWN_ROLES = ("source", "split", "machine")
_OWN = frozenset({"finder", "supervised_cases", "debug"})
"""Entries of other roles that a site may choose for itself: where its files lie, and whose masks it trusts."""
_OFF = (*START_WEIGHTS, "ema_momentum", "self_training", "early_stopping", "num_folds", "score_calibration", "ensemble")
"""Knobs of a single run that mean nothing, or another thing, where weights come from outside each round."""
_STATISTICS = ("average", "local")


@dataclass(frozen=True)
class FederationPlan:
    """Settings of a federation, read from a YAML file that every site keeps a copy of.

    A site runs its own copy of the bundle by its own copy of this file; the server sends weights and numbers alone.

    Args:
        config_file: `configs/train.json` and its overlays, below the bundle or beside the plan.
        sites: name -> that site's own settings: `dataset_dir`, and what differs in its finder or split.
        knobs: settings of all sites.
        rounds: times that weights are averaged.
        local_epochs: epochs that each site trains in a round.
        patch_norm_statistics: "average" the running means and variances of batch normalization, or keep them "local".
        initial_weights: file on the server that the federation starts from; None draws weights from `seed`.
        folder: what paths of the plan are relative to.

    Raises:
        FileNotFoundError: from `read`, there is no file.
        ValueError: an entry is unknown or out of range, or a site changes what must be the same at all.

    Example:
        >>> plan = FederationPlan(["configs/train.json"], {"A": {"dataset_dir": "a"}}, {"batch_size": 8}, rounds=5)
        >>> plan.overrides("A")["batch_size"], plan.overrides("A")["max_epochs"]
        (8, 5)
        >>> own = {"dataset_dir": "a", "normalize": "none"}
        >>> FederationPlan(["configs/train.json"], {"A": own})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: sites#A#normalize must be the same at every site, got one of its own: ...
    """

    config_file: list[str]
    sites: Mapping[str, Mapping[str, Any]]
    knobs: Mapping[str, Any] = field(default_factory=dict)
    rounds: int = 10
    local_epochs: int = 1
    patch_norm_statistics: str = "average"
    initial_weights: str | None = None
    folder: Path = Path()

    def __post_init__(self) -> None:
        for name in ("rounds", "local_epochs"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number from 1 on, got {value!r}: correct it.")
        if self.patch_norm_statistics not in _STATISTICS:
            raise ValueError(
                f"patch_norm_statistics must be one of {', '.join(_STATISTICS)}, got {self.patch_norm_statistics!r}: "
                "correct it."
            )
        if not self.config_file or not self.sites:
            raise ValueError("config_file and sites must name something, got nothing: see docs/how-to/federate.md.")
        for site, own in self.sites.items():
            _require_own(site, own)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> FederationPlan:
        """Return the plan in a YAML file."""
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} must be the plan of a federation, got no file: docs/how-to/federate.md.")
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        unknown = sorted(set(content) - set(_KEYS)) if isinstance(content, Mapping) else ["no entries at all"]
        if unknown:
            raise ValueError(f"{path} must hold only {', '.join(_KEYS)}, got {', '.join(unknown)}: correct it.")
        if missing := [key for key in ("config_file", "sites") if key not in content]:
            raise ValueError(f"{path} must hold config_file and sites, got no {missing[0]}: add it.")
        return cls(**content, folder=Path(path).absolute().parent)

    @property
    def files(self) -> list[str]:
        """Absolute paths of the config files."""
        return [str(ROOT / file if (ROOT / file).is_file() else self.folder / file) for file in self.config_file]

    def overrides(self, site: str | None = None) -> dict[str, Any]:
        """Return the knobs of a site's training, or of the federation as a whole.

        Raises:
            ValueError: the plan does not know the site.
        """
        if site is not None and site not in self.sites:
            raise ValueError(f"{site} must be one of sites, got only {', '.join(self.sites)}: add it to the plan.")
        own = dict(self.sites[site]) if site is not None else {}
        places = {name: str(self.folder / str(own[name])) for name in _place_names() if own.get(name)}
        epochs = self.rounds * self.local_epochs
        # the recommended recipe draws masks in a run of its own; here it has none
        return {"self_training": 0, **self.knobs, "max_epochs": epochs, **own, **places}

    def config(self, site: str | None = None) -> dict[str, Any]:
        """Return the merged config, references unresolved, as `config.json` of a run holds it.

        Raises:
            ValueError: an id is misspelled, a value is not allowed, or a setting has no meaning in a federation.
        """
        config = as_recorded(checked_config(CommandLine(tuple(self.files), self.overrides(site))))
        for name in _OFF:
            if config.get(name) is not None and (name, config[name]) != ("self_training", 0):
                raise ValueError(f"{name} must be null in a federation, got {config[name]!r}: leave it out.")
        if config.get("slice_smoothing") == "validation":
            raise ValueError("slice_smoothing must be a number in a federation, got 'validation': 1.0 is a start.")
        if config.get("num_classes") != 1:
            raise ValueError(f"num_classes must be 1 in a federation, got {config.get('num_classes')}.")
        return config

    @property
    def agreement(self) -> int:
        """Number that is the same at two sites if the settings are, by which the server compares them unseen."""
        ignored = names("source", "machine")
        shared = {**self.config(), "": [self.rounds, self.local_epochs, self.patch_norm_statistics]}
        text = json.dumps({name: value for name, value in shared.items() if name not in ignored}, sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def _place_names() -> tuple[str, ...]:
    """Return the settings of a site that are paths."""
    return ("dataset_dir", "cache_dir", "split_file")


def _require_own(site: str, own: Mapping[str, Any]) -> None:
    """Refuse a site that would train another network, on other input or with another loss."""
    allowed = names(*_OWN_ROLES) | _OWN
    if not isinstance(own, Mapping) or "dataset_dir" not in own:
        raise ValueError(f"sites#{site} must give its dataset_dir, got {own!r}: name the folder of its data.")
    for name in own:
        if name.split("#")[0] not in allowed:
            raise ValueError(
                f"sites#{site}#{name} must be the same at every site, got one of its own: put it into knobs. A site "
                f"chooses {', '.join(sorted(_OWN))}, and what docs/knobs.md calls folders of the data, split, machine."
            )
