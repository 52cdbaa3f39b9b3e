"""The mean over views and networks is that of passes made one by one, and by default there is one pass."""

import hashlib

import pytest
import torch
from support.network import toy_network

from bundle.attribution import EAFEM, Relevance
from bundle.inferers import EvidenceInferer, SliceInferer
from bundle.transforms import SliceTransform

IMAGE = torch.rand(3, 2, 16, 16, generator=torch.Generator().manual_seed(0))


def networks(count):
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        made.append(toy_network().eval())
    return made


@pytest.fixture
def files(tmp_path):
    """Two networks and the file of the second."""
    first, second = networks(2)
    torch.save(second.state_dict(), tmp_path / "second.pt")
    return first, second, tmp_path / "second.pt"


@pytest.mark.parametrize("attribution", [EAFEM(), Relevance()])
def test_a_flip_gives_the_mean_of_both_views_and_a_map_that_is_turned_back(attribution):
    [network] = networks(1)
    with torch.no_grad():
        evidence = EvidenceInferer(attribution, flip=True)(IMAGE, network)
        views = [EvidenceInferer(attribution)(image, network) for image in (IMAGE, IMAGE.flip(-1))]
    first, second = (attribution(view, (16, 16)).detach() for view in views)
    torch.testing.assert_close(evidence.logits, (views[0].logits + views[1].logits).detach() / 2)
    torch.testing.assert_close(evidence.maps, (first + second.flip(-1)) / 2)
    assert not evidence.logits.requires_grad
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_flipped_slice_has_the_flipped_map_and_the_same_logit():
    [network] = networks(1)
    inferer = EvidenceInferer(EAFEM(), flip=True)
    one, other = inferer(IMAGE, network), inferer(IMAGE.flip(-1), network)
    torch.testing.assert_close(one.logits, other.logits)
    torch.testing.assert_close(one.maps, other.maps.flip(-1))


@pytest.mark.parametrize("flip", [False, True])
def test_an_ensemble_is_the_mean_of_its_networks(flip, files):
    first, second, file = files
    inferer = EvidenceInferer(EAFEM(), flip, [file])
    for _ in range(2):  # the second call makes no further networks
        evidence = inferer(IMAGE, first)
        alone = [EvidenceInferer(EAFEM(), flip)(IMAGE, network) for network in (first, second)]
        torch.testing.assert_close(evidence.logits, sum(each.logits for each in alone) / 2)
        maps = sum(EAFEM()(each, (16, 16)) for each in alone) / 2
        torch.testing.assert_close(EAFEM()(evidence, (16, 16)), maps)


def test_by_default_the_evidence_is_that_of_the_network():
    [network] = networks(1)
    evidence, own = EvidenceInferer(EAFEM())(IMAGE, network), network.forward_evidence(IMAGE)
    assert torch.equal(evidence.logits, own.logits)
    assert torch.equal(evidence.tokens, own.tokens)
    assert evidence.maps is None


def test_a_volume_is_inferred_by_the_same_passes():
    [network] = networks(1)
    volume, transform = torch.rand(1, 2, 16, 16, 5), SliceTransform(image_size=16)
    evidence = EvidenceInferer(EAFEM(), flip=True)
    answer = SliceInferer(transform, EAFEM(), 2, evidence_inferer=evidence)(volume, network)
    mirrored = SliceInferer(transform, EAFEM(), 2, evidence_inferer=evidence)(volume.flip(-2), network)
    torch.testing.assert_close(answer, mirrored.flip(-2))


def test_the_record_names_files_and_hashes(files):
    _, _, file = files
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    assert EvidenceInferer(EAFEM(), True, [file]).record() == {
        "test_time_flip": True,
        "ensemble": [{"file": str(file), "sha256": sha}],
    }
    assert EvidenceInferer(EAFEM()).record() == {"test_time_flip": False, "ensemble": []}


def test_a_missing_file_and_other_weights_are_refused(files, tmp_path):
    first, _, file = files
    with pytest.raises(FileNotFoundError, match="must be a file of weights for the ensemble, got no file"):
        EvidenceInferer(EAFEM(), ensemble=[tmp_path / "no.pt"])
    torch.save(toy_network(hidden_size=16).state_dict(), file)
    with pytest.raises(ValueError, match="the networks of an ensemble differ in their weights alone"):
        EvidenceInferer(EAFEM(), ensemble=[file])(IMAGE, first)
