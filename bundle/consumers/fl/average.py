"""The server's side of a federation: weights averaged by slices, and a record of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bundle.consumers.fl.counts import Counts, added
from bundle.consumers.fl.update import SiteUpdate

Weights = Mapping[str, Tensor]


class FederatedAverage:
    """Averages the weights of all sites, each with the share of its slices, and keeps what the sites say in numbers.

    In the round in which no site trains, the weights stay to the bit what the sites have just scored.

    Args:
        sites: names of all that take part; a round without one of them is no round.

    Source: federated averaging, McMahan et al. 2017, arXiv:1602.05629.

    Example:
        >>> average = FederatedAverage(["A", "B"])
        >>> average.add("A", SiteUpdate({"w": torch.tensor([0.0])}, slices=1))
        >>> average.add("B", SiteUpdate({"w": torch.tensor([4.0])}, slices=3))
        >>> average.weights(0)
        {'w': tensor([3.])}
    """

    def __init__(self, sites: Sequence[str]) -> None:
        self.sites = tuple(sites)
        self.rounds: list[dict[str, dict[str, Any]]] = []
        self._updates: dict[str, SiteUpdate] = {}
        self._last: dict[str, Tensor] = {}

    def reset(self) -> None:
        """Forget the updates of the last round."""
        self._updates = {}

    def add(self, site: str, update: SiteUpdate) -> None:
        """Take the update of a site."""
        self._updates[site] = update

    def weights(self, number: int) -> dict[str, Tensor]:
        """Return the weights after a round.

        Args:
            number: of the round, from 0.

        Raises:
            ValueError: a site is missing, has other settings or another network, or no site has a slice.
        """
        updates = self._checked(number)
        self.rounds.append({site: update.numbers() for site, update in updates.items()})
        total = sum(update.slices for update in updates.values())
        if total:
            shares = [(update.weights, update.slices / total) for update in updates.values()]
            self._last = {
                name: sum((weights[name].double() * share for weights, share in shares), torch.zeros(())).to(
                    value.dtype
                )
                for name, value in shares[0][0].items()
            }
        if not self._last:
            raise ValueError(f"round {number} must have a site with labeled slices, got none: see the sites' logs.")
        return self._last

    def _checked(self, number: int) -> dict[str, SiteUpdate]:
        """Return site -> update, in the order of the sites."""
        if missing := [site for site in self.sites if site not in self._updates]:
            raise ValueError(
                f"round {number} must have an update of every site, got none of {', '.join(missing)}: see the log of "
                "that site."
            )
        updates = {site: self._updates[site] for site in self.sites}
        first, *others = updates.items()
        for site, update in others:
            if update.agreement != first[1].agreement:
                raise ValueError(
                    f"{site} must have the settings of {first[0]}, got others: compare the plans (all but sites) and "
                    "the versions of the bundle."
                )
            if {name: value.shape for name, value in update.weights.items()} != {
                name: value.shape for name, value in first[1].weights.items()
            }:
                raise ValueError(f"{site} must have the network of {first[0]}, got another: compare the plans.")
        return updates

    def pooled(self, name: str) -> Counts:
        """Return the sum over the sites of counts that they sent last."""
        return added(self.last_counts(site)[name] for site in self.sites if name in self.last_counts(site))

    def last_counts(self, site: str) -> dict[str, Counts]:
        """Return the counts of a site, each as it was sent last."""
        return {name: counts for numbers in self.rounds for name, counts in numbers.get(site, {})["counts"].items()}

    def record(self) -> dict[str, Any]:
        """Return what the server knows: of every round and site numbers, of the counts only the last ones."""
        rounds = [
            {
                site: {name: value for name, value in numbers.items() if name != "counts"}
                for site, numbers in sites.items()
            }
            for sites in self.rounds
        ]
        return {
            "sites": list(self.sites),
            "rounds": rounds,
            "counts": {site: self.last_counts(site) for site in self.sites},
        }
