"""A volume in batches of slices is what its slices are one by one."""

import weakref

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from support.network import toy_network

from bundle.attribution import EAFEM, ClassAttention, Relevance, Rollout
from bundle.inferers import EvidenceInferer, SliceInferer
from bundle.metrics import Predictions, class_probabilities
from bundle.networks import SliceViT
from bundle.probabilities import SliceProbabilities
from bundle.transforms import SliceTransform

TRANSFORM = SliceTransform(image_size=16)


def volume_of(depth, *, blank=(), seed=0):
    """Slices of 12 x 20 pixels; blank ones are constant."""
    volume = torch.rand(1, 2, 12, 20, depth, generator=torch.Generator().manual_seed(seed))
    volume[..., list(blank)] = 0.25
    return volume


def trained(**changed):
    """A network whose batch norm has seen something, in eval mode."""
    network = toy_network(**changed)
    with torch.no_grad():
        for _ in range(5):
            network(torch.rand(8, 2, 16, 16) * 3 + 1)
    return network.eval()


def slice_by_slice(volume, network, attribution):
    """The volume's answer without batches and without skipping: (1, 1 + K, H, W, D)."""
    parts = []
    for image in volume[0].unbind(dim=-1):
        ready = TRANSFORM.image(image[None])
        evidence = network.forward_evidence(ready, attentions=attribution.needs_attentions)
        attention = TRANSFORM.inverse(attribution(evidence, (16, 16)), image.shape[-2:])
        logits = evidence.logits
        probability = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)
        if not ready.any():
            attention = torch.zeros_like(attention)
        parts.append(torch.cat([attention, probability[:, :, None, None].expand(-1, -1, *image.shape[-2:])], dim=1))
    return torch.stack(parts, dim=-1).detach()


@pytest.fixture
def calls(monkeypatch):
    """Batch sizes of the network's passes."""
    sizes, original = [], SliceViT.forward_evidence

    def counting(self, image, attentions=False):
        sizes.append(len(image))
        return original(self, image, attentions=attentions)

    monkeypatch.setattr(SliceViT, "forward_evidence", counting)
    return sizes


@pytest.mark.parametrize("attribution", [EAFEM(), ClassAttention(), Rollout(), Relevance()])
@pytest.mark.parametrize("num_classes", [1, 3])
@pytest.mark.parametrize("patch_norm", ["batch", "none"])
def test_equals_a_loop_over_slices(attribution, num_classes, patch_norm):
    network = trained(num_classes=num_classes, patch_norm=patch_norm)
    volume = volume_of(7, blank=[0, 3])
    with torch.no_grad():
        answer = SliceInferer(TRANSFORM, attribution, batch_size=3)(volume, network)
    assert answer.shape == (1, 1 + num_classes, 12, 20, 7)
    assert answer.dtype == torch.float32
    assert not answer.requires_grad
    torch.testing.assert_close(answer, slice_by_slice(volume, network, attribution), rtol=1e-4, atol=1e-5)
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("batch_size", [1, 2, 3, 6, 7, 100])
def test_the_batch_does_not_matter(batch_size):
    network, volume = trained(), volume_of(7)
    whole = SliceInferer(TRANSFORM, EAFEM(), batch_size=7)(volume, network)
    torch.testing.assert_close(SliceInferer(TRANSFORM, EAFEM(), batch_size)(volume, network), whole)
    one = SliceInferer(TRANSFORM, EAFEM(), batch_size)(volume[..., 2:3], network)
    torch.testing.assert_close(one, whole[..., 2:3])


@pytest.mark.parametrize("num_classes", [1, 3])
def test_the_result_is_its_batches_joined_bit_for_bit(num_classes, monkeypatch):
    parts, original = [], SliceInferer.infer
    monkeypatch.setattr(SliceInferer, "infer", lambda *arguments: parts.append(original(*arguments)) or parts[-1])
    answer = SliceInferer(TRANSFORM, EAFEM(), batch_size=3)(volume_of(7, blank=[1]), trained(num_classes=num_classes))
    maps, logits = (torch.cat(each) for each in zip(*parts, strict=True))
    assert torch.equal(answer[0, :1], maps.permute(1, 2, 3, 0))
    probabilities = class_probabilities(logits).reshape(7, -1)
    assert torch.equal(answer[0, 1:], probabilities.T[:, None, None].expand(-1, 12, 20, -1))
    assert answer.permute(0, 1, 4, 2, 3).is_contiguous(), "a slice is one piece of memory"


def test_no_batch_is_held_longer_than_until_the_next(monkeypatch):
    parts, alive, original = [], [], SliceInferer.infer

    def watched(*arguments):
        alive.append(sum(part() is not None for part in parts))
        part = original(*arguments)
        parts.append(weakref.ref(part[0]))
        return part

    monkeypatch.setattr(SliceInferer, "infer", watched)
    SliceInferer(TRANSFORM, EAFEM(), batch_size=2)(volume_of(8), trained())
    assert len(alive) == 4
    assert max(alive) <= 1


@pytest.mark.parametrize(
    ("depth", "batch_size", "blank", "expected"),
    [
        (7, 3, [], [3, 3, 1]),  # a last batch of one slice
        (9, 4, [0, 1, 5, 8], [2, 1, 3]),  # the zero image passes once; the batch of slice 8 alone passes not at all
        (4, 2, [0, 1, 2, 3], [1]),
        (1, 32, [], [1]),
    ],
)
def test_only_what_shows_something_passes_in_batches(depth, batch_size, blank, expected, calls):
    SliceInferer(TRANSFORM, EAFEM(), batch_size)(volume_of(depth, blank=blank), trained())
    assert calls == expected


def test_blank_slices_are_marked_and_have_one_answer():
    network = trained()
    answer = SliceInferer(TRANSFORM, EAFEM(), 2)(volume_of(6, blank=[0, 2, 5]), network)[0]
    assert [bool((answer[0, ..., k] == 0).all()) for k in range(6)] == [True, False, True, False, False, True]
    with torch.no_grad():
        zero = network(torch.zeros(1, 2, 16, 16)).sigmoid().item()
    assert answer[1, ..., [0, 2, 5]].flatten().tolist() == pytest.approx([zero] * 12 * 20 * 3)


def test_what_is_not_finite_in_one_slice_stays_there():
    network, volume = trained(), volume_of(3, blank=[1])
    clean = SliceInferer(TRANSFORM, EAFEM(), 1)(volume, network)
    volume[..., 0] = torch.nan
    spoilt = SliceInferer(TRANSFORM, EAFEM(), 1)(volume, network)
    assert torch.equal(spoilt[..., 1:], clean[..., 1:])


def test_without_normalization_a_constant_slice_is_no_blank_one():
    transform = SliceTransform(image_size=16, normalize="none")
    answer = SliceInferer(transform, EAFEM(), 2)(volume_of(3, blank=[1]), trained())
    assert answer[0, 0, ..., 1].any()


def test_volumes_of_integers_and_with_meta_data():
    volume = (volume_of(3) * 1000).to(torch.int16)
    expected = SliceInferer(TRANSFORM, EAFEM())(volume.float(), trained())
    answer = SliceInferer(TRANSFORM, EAFEM())(MetaTensor(volume), trained())
    assert type(answer) is torch.Tensor
    torch.testing.assert_close(answer, expected)


@pytest.mark.parametrize(("distance", "step"), [(0, 1), (7.5, 2)])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_neighbors_pass_beside_their_slice_whatever_the_batch(distance, step, batch_size):
    network, volume = with_neighbors(), volume_of(7, blank=[0, 1, 2, 3])
    ready = TRANSFORM.image(volume[0].permute(3, 0, 1, 2))
    beside = [torch.cat([ready[k], ready[max(k - step, 0)], ready[min(k + step, 6)]]) for k in range(7)]
    with torch.no_grad():
        evidence = network.forward_evidence(torch.stack(beside))
        maps = TRANSFORM.inverse(EAFEM()(evidence, (16, 16)), (12, 20))
    inferer = SliceInferer(TRANSFORM, EAFEM(), batch_size, neighbor_mm=distance)
    answer = inferer(MetaTensor(volume, affine=torch.diag(torch.tensor([1.0, 1.0, 4.0, 1.0]))), network)[0]
    assert answer[1, 0, 0].tolist() == pytest.approx(evidence.logits.sigmoid()[:, 0].tolist(), abs=1e-6)
    seen = [k for k in range(7) if k + step > 3]  # all three are blank in the others
    torch.testing.assert_close(answer[0][..., seen], maps[seen, 0].permute(1, 2, 0), rtol=1e-4, atol=1e-5)
    assert not answer[0][..., : seen[0]].any()


def test_a_distance_needs_a_volume_that_knows_its_spacing():
    with pytest.raises(ValueError, match="spacing of the slices must be known"):
        SliceInferer(TRANSFORM, EAFEM(), neighbor_mm=5)(volume_of(3), with_neighbors())


def with_neighbors():
    """A network of two channels and those of two neighbors."""
    return toy_network(in_channels=6, patch_norm="none").eval()


@pytest.mark.parametrize("shape", [(2, 2, 16, 16, 3), (1, 2, 16, 16), (2, 16, 16, 3)])
def test_what_is_no_volume_is_refused(shape):
    with pytest.raises(ValueError, match=r"must be one volume \(1, C, H, W, D\), got"):
        SliceInferer(TRANSFORM, EAFEM())(torch.zeros(shape), None)


@pytest.mark.parametrize(
    ("attribution", "attentions", "graph"),
    [(EAFEM(), False, False), (Rollout(), True, False), (Relevance(), True, True)],
)
def test_under_no_grad_a_method_gets_what_it_declares(attribution, attentions, graph):
    network, image = toy_network().eval(), torch.rand(3, 2, 16, 16)
    with torch.no_grad():
        evidence = EvidenceInferer(attribution)(image, network)
        assert not torch.is_grad_enabled()
        torch.testing.assert_close(evidence.logits, network(image))
    assert (evidence.attentions is not None) is attentions
    assert evidence.logits.requires_grad is graph


def test_where_gradients_are_on_a_method_without_need_builds_no_graph():
    assert not EvidenceInferer(EAFEM())(torch.rand(1, 2, 16, 16), toy_network()).logits.requires_grad


def test_smoothed_probabilities_are_those_of_an_evaluation():
    """An evaluation has the logits of all slices in a table, an inference those of one volume."""
    network, volume = trained(), volume_of(7, blank=[2])
    images = torch.cat([TRANSFORM.image(image[None]) for image in volume[0].unbind(dim=-1)])
    with torch.no_grad():
        logits = network(images).numpy()
    names = np.array(["a"] * 7)
    table = Predictions(names, names, names, np.arange(7), np.zeros(7), np.zeros(7), logit=logits)
    evaluated = SliceProbabilities(0.8).of(table).probability
    inferred = SliceInferer(TRANSFORM, EAFEM(), 3, SliceProbabilities(0.8))(volume, network)[0, 1, 0, 0]
    assert inferred.tolist() == pytest.approx(evaluated, abs=1e-6, rel=0)
    plain = SliceInferer(TRANSFORM, EAFEM(), 3)(volume, network)[0, 1, 0, 0]
    assert (plain - inferred).abs().max() > 1e-4
