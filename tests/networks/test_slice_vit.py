import pytest
import torch
from support.golden import FILES, load_golden

from bundle.networks import SliceViT

TINY = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_layers": 3, "num_heads": 2}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("attentions", [False, True])
def test_agrees_with_the_reference(file, attentions, tmp_path):
    golden = load_golden(file, tmp_path)
    values = golden.values
    evidence = golden.network.forward_evidence(values["x"], attentions=attentions)
    for found, expected in (
        (golden.network(values["x"]), values["logits"]),
        (evidence.logits, values["logits"]),
        (evidence.class_attention, values["cls_attention"]),
        (evidence.tokens, values["tokens"][:, 1:]),
    ):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_defaults_are_vit_b_16():
    with torch.device("meta"):
        network = SliceViT()
    assert sum(p.numel() for p in network.blocks.parameters()) == 12 * (12 * 768**2 + 10 * 768)  # ViT-B less qkv bias
    assert network.grid_hw == (16, 16)
    assert network.blocks[0].mlp.drop.rate == 0.1
    assert network.blocks[11].drop_path == 0.1


@pytest.mark.parametrize("position", ["sincos", "reference", "learned"])
@pytest.mark.parametrize("classes", [1, 4])
def test_evidence_is_the_same_pass(position, classes):
    network = SliceViT(**TINY, num_classes=classes, in_channels=2, position_encoding=position).eval()
    image = torch.rand(3, 2, 32, 32)
    thin, full = network.forward_evidence(image), network.forward_evidence(image, attentions=True)
    assert torch.equal(thin.logits, network(image))
    assert thin.logits.shape == (3, classes)
    assert thin.attentions is None
    assert thin.tokens.shape == (3, 16, 16)
    assert len(full.attentions) == 3
    for a, b in ((thin.logits, full.logits), (thin.tokens, full.tokens), (thin.class_attention, full.class_attention)):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
    assert torch.equal(full.class_attention, full.attentions[-1][:, :, 0, 1:])


def test_attention_is_not_renormalized():
    attention = SliceViT(**TINY).eval().forward_evidence(torch.rand(2, 3, 32, 32)).class_attention
    assert torch.all(attention.sum(dim=-1) < 1)


def test_class_token_has_no_position():
    network = SliceViT(**TINY).eval()
    assert torch.equal(network.embed(torch.rand(2, 3, 32, 32))[:, 0], torch.zeros(2, 16))


def test_evidence_while_training_is_that_of_the_pass_itself():
    network = SliceViT(**TINY, dropout=0.5, drop_path=0.0).train()
    evidence = network.forward_evidence(torch.rand(4, 3, 32, 32))
    evidence.tokens.sum().backward()
    assert network.blocks[0].attn.qkv.weight.grad.abs().sum() > 0
    assert (network.forward_evidence(torch.rand(4, 3, 32, 32)).tokens != evidence.tokens).any()


def test_slices_do_not_mix_in_evaluation():
    network, image = SliceViT(**TINY).eval(), torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(network(image)[1:2], network(image[1:2]), atol=1e-6, rtol=0)


def test_blocks_start_alike_only_if_asked():
    def first_weights(**options):
        return [block.mlp.fc1.weight for block in SliceViT(**TINY, **options).blocks]

    own = first_weights()
    assert not torch.equal(own[0], own[1])
    assert float(own[0].detach().std()) == pytest.approx(0.02, rel=0.1)
    alike = first_weights(identical_blocks=True)
    assert torch.equal(alike[0], alike[1])
    assert float(alike[0].detach().abs().max()) <= 0.25  # PyTorch: uniform within 1 / sqrt(16)
    assert float(alike[0].detach().std()) == pytest.approx(0.25 / 3**0.5, rel=0.1)


@pytest.mark.parametrize("patch_norm", ["batch", "none"])
def test_trace_serves_every_batch_size(patch_norm):
    network = SliceViT(**TINY, patch_norm=patch_norm).eval()
    traced = torch.jit.trace(network, torch.rand(1, 3, 32, 32))
    for size in (1, 5):
        image = torch.rand(size, 3, 32, 32)
        torch.testing.assert_close(traced(image), network(image), atol=1e-6, rtol=0)


@pytest.mark.no_cover
def test_export_has_a_dynamic_batch():
    network = SliceViT(**TINY).eval()
    program = torch.export.export(
        network, (torch.rand(2, 3, 32, 32),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    ).module()
    image = torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(program(image), network(image), atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(2, 3, 32, 16), (2, 1, 32, 32), (3, 32, 32)])
def test_an_image_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"\(3, 32, 32\), got"):
        SliceViT(**TINY)(torch.rand(shape))


@pytest.mark.parametrize(
    ("change", "message"), [({"patch_size": 5}, "multiple of patch_size 5, got 32"), ({"num_layers": 0}, "got 0")]
)
def test_sizes_must_fit(change, message):
    with pytest.raises(ValueError, match=message):
        SliceViT(**{**TINY, **change})
