"""Every network that a bundle can hold, as TorchScript by scripting, at any batch size."""

import io

import pytest
import torch

from bundle.networks import SliceDenseNet, SliceUNet, SliceViT

SIZES = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_layers": 2, "num_heads": 2}
NETWORKS = {
    "plain": lambda: SliceViT(**SIZES),
    "classes": lambda: SliceViT(**SIZES, num_classes=3, position_encoding="learned"),
    "reference": lambda: SliceViT(**SIZES, patch_norm="none", position_encoding="reference", qkv_bias=True),
    "stem": lambda: SliceViT(**SIZES, stem="conv"),
    "tokens": lambda: SliceViT(**SIZES, mask_head="tokens"),
    "pixels": lambda: SliceViT(**SIZES, stem="conv", mask_head="pixels", mask_only=True),
    "unet": lambda: SliceUNet(image_size=32, width=4),
    "densenet": lambda: SliceDenseNet(image_size=32, init_features=8, growth_rate=4, block_config=[2, 2]),
}
pytestmark = pytest.mark.no_cover


def require_same(exported, network):
    for batch in (1, 5):
        image = torch.rand(batch, 3, 32, 32)
        with torch.no_grad():
            torch.testing.assert_close(exported(image), network(image), atol=1e-6, rtol=1e-6)


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]().eval()


def test_a_script_survives_its_file_and_gives_the_same(network):
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(network), file)
    file.seek(0)
    require_same(torch.jit.load(file), network)


def test_a_script_refuses_other_images(network):
    with pytest.raises(torch.jit.Error, match=r"image must be .* got \[1, 3, 16, 16\]"):
        torch.jit.script(network)(torch.zeros(1, 3, 16, 16))


def test_a_script_trains_with_dropout():
    torch.manual_seed(0)
    script = torch.jit.script(SliceViT(**SIZES, dropout=0.5, drop_path=0.5)).train()
    image = torch.rand(4, 3, 32, 32)
    assert not torch.equal(script(image), script(image))
