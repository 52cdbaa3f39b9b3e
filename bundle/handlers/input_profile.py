"""Profile of the training scans that an evaluation keeps: what is usual on file, and where the network puts them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bundle.data import SliceDataset, compared_positions
from bundle.inferers import EvidenceInferer, embedding_profile, scan_embedding
from bundle.networks import EvidenceNetwork

_MOST_SCANS = 64
"""Passed through the network, spread evenly."""


class InputProfile:
    """Makes the content of `input_profile.json`, by which a new scan is compared with the training scans.

    Args:
        train: training slices.
        validation: slices of patients that the network was not trained on.
        network: of the run.
        inferer: passes slices through it.

    Example:
        >>> InputProfile(None, None, None, None).train
    """

    def __init__(
        self, train: SliceDataset, validation: SliceDataset, network: EvidenceNetwork, inferer: EvidenceInferer
    ) -> None:
        self.train = train
        self.validation = validation
        self.network = network
        self.inferer = inferer

    def __call__(self) -> dict[str, Any] | None:
        """Return spacing, field of view, intensities and embeddings; None where no training scan is a NIfTI file."""
        profile = self.train.input_profile()
        if profile is None:
            return None
        train, validation = self._embeddings(self.train), self._embeddings(self.validation)
        return {**profile, "embedding": embedding_profile(train, validation)}

    def _embeddings(self, dataset: SliceDataset) -> list[NDArray]:
        """Return where the network puts some of the scans; nothing of a network that does not tell."""
        count = len(dataset.cases)
        cases = np.unique(np.linspace(0, count - 1, min(_MOST_SCANS, count)).round().astype(int))
        found = (scan_embedding(_images(dataset, case), self.network, self.inferer) for case in cases)
        return [embedding for embedding in found if embedding is not None]


def _images(dataset: SliceDataset, case: int) -> Tensor:
    """Return slices of a case as the network sees them, not augmented."""
    return dataset.store.dtype.decode(dataset.read(compared_positions(dataset.store, case))[0])
