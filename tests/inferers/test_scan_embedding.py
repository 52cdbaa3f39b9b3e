"""A scan that the network puts far from all that it knows is told; known ones are not."""

import copy
import json

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.decomposition import PCA
from support.network import toy_network

from bundle.attribution import EAFEM, Relevance
from bundle.inferers import EvidenceInferer, embedding_profile, embedding_warnings, scan_embedding
from bundle.networks import SliceDenseNet

INFERER = EvidenceInferer(EAFEM())


@pytest.fixture
def network():
    torch.manual_seed(0)
    return toy_network().eval()


def scan(seed, brightness=1.0):
    return brightness * torch.rand(4, 2, 16, 16, generator=torch.Generator().manual_seed(seed))


def profile_of(network, scans):
    found = [scan_embedding(images, network, INFERER) for images in scans]
    return {"embedding": json.loads(json.dumps(embedding_profile(found[:20], found[20:])))}


def test_the_embedding_is_the_mean_of_the_tokens_of_slices_that_show_something(network):
    images = scan(0)
    expected = network.forward_evidence(images).tokens.mean(dim=(0, 1)).detach().numpy()
    np.testing.assert_allclose(scan_embedding(images, network, INFERER), expected, rtol=1e-5)
    blank = torch.cat([images, torch.full((1, 2, 16, 16), 0.5)])
    np.testing.assert_allclose(scan_embedding(blank, network, INFERER), expected, rtol=1e-5)
    assert np.isfinite(scan_embedding(blank[4:], network, INFERER)).all(), "all are blank"
    np.testing.assert_allclose(scan_embedding(images, network, EvidenceInferer(Relevance())), expected, rtol=1e-5)


def test_a_network_in_training_gives_the_same_and_learns_nothing(network):
    expected, state = scan_embedding(scan(0), network, INFERER), copy.deepcopy(network.state_dict())
    network.train()
    np.testing.assert_array_equal(scan_embedding(scan(0), network, INFERER), expected)
    assert network.training
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_networks_without_tokens_tell_by_their_features():
    dense = SliceDenseNet(image_size=32, in_channels=1, init_features=4, growth_rate=2, block_config=(1, 1)).eval()
    images = torch.rand(2, 1, 32, 32)
    expected = dense.forward_evidence(images).features.mean(dim=(0, 2, 3)).detach().numpy()
    np.testing.assert_allclose(scan_embedding(images, dense, INFERER), expected, rtol=1e-5)


def test_the_distance_is_that_of_mahalanobis(network):
    known = np.random.default_rng(0).normal(size=(30, 12)) * np.linspace(1, 5, 12)
    profile = embedding_profile(known, known[:0])
    pca = PCA(7, svd_solver="full").fit(known)
    farthest = max(mahalanobis(each, pca.mean_, pca.get_precision()) for each in known)
    assert profile["largest"] == pytest.approx(farthest, rel=1e-4)
    assert embedding_profile(known, [known[0] * 50])["largest"] > 2 * farthest, "validation scans count too"


def test_a_scan_like_the_known_ones_is_not_told_and_another_is(network):
    profile = profile_of(network, [scan(seed) for seed in range(26)])
    assert all(not embedding_warnings(profile, scan(seed), network, INFERER) for seed in range(26, 46))
    [sentence] = embedding_warnings(profile, scan(50, brightness=-4.0), network, INFERER)
    assert sentence.startswith("To the network the scan looks unlike those it was trained on: it is ")


def test_where_nothing_is_known_nothing_is_told(network):
    assert embedding_profile(np.eye(9), np.eye(9)) is None, "too few scans"
    assert embedding_profile(np.ones((20, 4)), np.ones((2, 4))) is None, "scans that are all the same"
    assert embedding_warnings({}, scan(0), network, INFERER) == []
    assert embedding_warnings({"embedding": None}, scan(0), network, INFERER) == []
    profile = profile_of(network, [scan(seed) for seed in range(20)])
    assert embedding_warnings(profile, scan(0), network, EvidenceInferer(EAFEM(), flip=True)) == []


def test_the_profile_of_another_network_is_refused(network):
    profile = {"embedding": embedding_profile(np.random.default_rng(0).normal(size=(20, 3)), np.zeros((0, 3)))}
    with pytest.raises(ValueError, match=r"must have an embedding of this network, got one of 3, the network gives 8"):
        embedding_warnings(profile, scan(0), network, INFERER)
