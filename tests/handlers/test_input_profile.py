"""The profile of an evaluation holds what files tell and where the network puts the scans."""

from types import SimpleNamespace

import pytest
import torch
from support.slices import ToySlices, toy_items

from bundle.attribution import EAFEM
from bundle.data import SliceDataset
from bundle.handlers import InputProfile
from bundle.inferers import EvidenceInferer
from bundle.networks import Evidence


class Pixels(torch.nn.Module):
    """Tokens are the pixels."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward_evidence(self, image, attentions=False):
        return Evidence(image[:, :1, 0, 0], None, None, image.flatten(2).transpose(1, 2), image.shape[-2:])


@pytest.fixture
def profile_of(tmp_path):
    """Return the profile of some training scans and one for validation."""

    def make(count, usual):
        train, validation = (
            SliceDataset(toy_items(number, tmp_path), ToySlices(), tmp_path / f"cache{number}") for number in (count, 1)
        )
        known = SimpleNamespace(cases=train.cases, store=train.store, read=train.read, input_profile=lambda: usual)
        return InputProfile(known, validation, Pixels(), EvidenceInferer(EAFEM()))()

    return make


def test_it_adds_where_the_network_puts_the_scans(profile_of):
    found = profile_of(12, {"scans": 12})
    assert found["scans"] == 12
    assert len(found["embedding"]["mean"]) == 2, "two channels"
    assert found["embedding"]["largest"] > 0


def test_few_scans_and_other_files_tell_nothing(profile_of):
    assert profile_of(9, {"scans": 9}) == {"scans": 9, "embedding": None}
    assert profile_of(12, None) is None
