"""The convolutional comparators: their logits, evidence and maps, against closed forms and MONAI's own Grad-CAM."""

import pytest
import torch
import torch.nn.functional as F
from monai.networks.nets import DenseNet121
from monai.visualize import GradCAM as MonaiGradCAM
from torch import nn

from bundle.attribution import GradCAM, MaskProbability
from bundle.networks import SliceDenseNet, SliceUNet, WithEvidence

BLOCKS = {"init_features": 8, "growth_rate": 4, "block_config": [2, 2]}


def unet(**changed):
    return SliceUNet(**{"image_size": 32, "in_channels": 2, "width": 4, **changed})


def densenet(**changed):
    return SliceDenseNet(**{"image_size": 32, "in_channels": 2, **BLOCKS, **changed})


@pytest.mark.parametrize("make", [unet, densenet])
@pytest.mark.parametrize("image_size", [32, 48])
def test_evidence_has_the_logits_of_the_plain_pass(make, image_size):
    network, image = make(image_size=image_size).eval(), torch.rand(3, 2, image_size, image_size)
    evidence = WithEvidence(network)(image)
    assert torch.equal(evidence.logits, network(image))
    assert evidence.logits.shape == (3, 1)
    parts = (evidence.class_attention, evidence.attentions, evidence.tokens)
    assert parts == (None, None, None)


@pytest.mark.parametrize("make", [unet, densenet])
@pytest.mark.parametrize("image_size", [16, 40])
def test_a_size_that_does_not_fit_is_refused(make, image_size):
    with pytest.raises(ValueError, match=f"image_size must be a multiple of 16, at least 32, got {image_size}"):
        make(image_size=image_size)


@pytest.mark.parametrize("make", [unet, densenet])
def test_an_image_of_another_size_is_refused(make):
    with pytest.raises(ValueError, match=r"\(C, H, W\) = \(2, 32, 32\), got \[1, 2, 48, 48\]"):
        make()(torch.rand(1, 2, 48, 48))


def test_arguments_of_the_unet_out_of_range_are_refused():
    with pytest.raises(ValueError, match="num_classes must be 1 for SliceUNet, got 3"):
        unet(num_classes=3)
    with pytest.raises(ValueError, match="top_pixels must be from 1 to the 1024 pixels of a slice, got 0"):
        unet(top_pixels=0)


@pytest.mark.parametrize("top_pixels", [1, 2, 16])
def test_a_slices_probability_is_the_mean_of_its_highest_pixels(top_pixels):
    mask_logits = torch.randn(2, 1, 4, 4, dtype=torch.float32)
    pixels = mask_logits.sigmoid().flatten(1).sort(dim=1, descending=True).values
    found = unet(top_pixels=top_pixels).read_slice(mask_logits)
    torch.testing.assert_close(found.sigmoid(), pixels[:, :top_pixels].mean(dim=1, keepdim=True))


def test_a_certain_slice_has_a_finite_logit():
    for logit in (-200.0, 200.0):
        assert unet(top_pixels=16).read_slice(torch.full((1, 1, 4, 4), logit)).item() == pytest.approx(logit)


def test_a_label_loss_trains_the_unet_only_by_the_plain_pass():
    network, image = unet(), torch.rand(2, 2, 32, 32)
    evidence = network.forward_evidence(image)
    assert not evidence.logits.requires_grad
    assert evidence.mask_logits.requires_grad
    assert network(image).requires_grad


def test_the_unet_finds_a_bright_square():
    torch.manual_seed(0)
    network = unet(in_channels=1, top_pixels=4)
    image = torch.rand(6, 1, 32, 32) * 0.2
    mask = torch.zeros_like(image)
    for index in range(3):
        mask[index, :, 4 + 5 * index : 12 + 5 * index, 10:20] = 1
    image = image + 0.7 * mask
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(15):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(network.forward_evidence(image).mask_logits, mask).backward()
        optimizer.step()
    evidence = network.eval().forward_evidence(image)
    assert (evidence.logits[:3].min() > evidence.logits[3:].max()).item()
    found = MaskProbability()(evidence, (32, 32))
    assert (mask.flatten(1)[:3].gather(1, found.flatten(1)[:3].argmax(1, keepdim=True)) == 1).all()


@pytest.mark.parametrize("num_classes", [1, 3])
def test_grad_cam_is_monais(num_classes):
    network, image = densenet(num_classes=num_classes).eval(), torch.rand(3, 2, 32, 32)
    found = GradCAM()(network.forward_evidence(image), (4, 4))
    # MONAI explains one class a batch: image by image
    monai = MonaiGradCAM(network.densenet, target_layers="class_layers.relu", postprocessing=lambda map_: map_)
    expected = torch.cat([torch.as_tensor(monai.compute_map(one[None])) for one in image]).detach()
    torch.testing.assert_close(found.detach(), expected, atol=1e-6, rtol=1e-4)
    assert found.max() > 0


def test_grad_cam_leaves_gradients_alone_and_explains_a_frozen_network_alike():
    network, image = densenet().eval(), torch.rand(2, 2, 32, 32)
    expected = GradCAM()(network.forward_evidence(image), (32, 32))
    assert all(parameter.grad is None for parameter in network.parameters())
    network.requires_grad_(False)
    torch.testing.assert_close(GradCAM()(network.forward_evidence(image), (32, 32)), expected)
    with torch.no_grad(), pytest.raises(RuntimeError, match="must have a graph for GradCAM"):
        GradCAM()(network.forward_evidence(image), (32, 32))


def test_the_default_is_densenet121():
    own = SliceDenseNet(image_size=32).densenet.state_dict()
    assert {name: value.shape for name, value in own.items()} == {
        name: value.shape for name, value in DenseNet121(2, 3, 1).state_dict().items()
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [unet, densenet])
def test_a_trace_gives_the_same_logits_at_another_batch_size(make):
    network = make().eval()
    traced = torch.jit.trace(network, torch.rand(1, 2, 32, 32))
    image = torch.rand(4, 2, 32, 32)
    torch.testing.assert_close(traced(image), network(image))


@pytest.mark.no_cover
def test_the_densenet_compiles_as_one_graph():
    """The U-Net does not: MONAI's block asks `torch.jit.isinstance`, which breaks the graph."""
    network, image = densenet(block_config=[1]).eval(), torch.rand(2, 2, 32, 32)
    compiled: nn.Module = torch.compile(WithEvidence(network), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(image).features, network.forward_evidence(image).features)
