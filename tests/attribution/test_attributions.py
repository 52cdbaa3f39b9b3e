"""Promises of every attribution method; a new one inherits these tests by its line in the table."""

import pytest
import torch
from support.golden import FILES, load_golden

from bundle.attribution import EAFEM, ClassAttention, Relevance, Rollout, TokenEmbedding
from bundle.networks import Evidence, SliceViT, WithEvidence

METHODS = {
    "eafem": EAFEM(beta=0.85),
    "class_attention": ClassAttention(),
    "class_attention_of_two_blocks": ClassAttention(num_blocks=2),
    "token_embedding": TokenEmbedding(),
    "rollout": Rollout(),
    "rollout_reference": Rollout(reference=True),
    "relevance": Relevance(),
    "relevance_class_0": Relevance(target_class=0),
}
BETWEEN_0_AND_1 = [name for name in METHODS if name.startswith(("rollout", "relevance"))]
every_method = pytest.mark.parametrize("name", METHODS)


def make_network(**options):
    sizes = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_layers": 3, "num_heads": 2}
    return SliceViT(**{**sizes, **options}).eval()


def evidence_of(network, image, method):
    with torch.set_grad_enabled(method.needs_grad):
        return network.forward_evidence(image, attentions=method.needs_attentions)


@every_method
@pytest.mark.parametrize("classes", [1, 3])
def test_map_has_the_images_size(name, classes):
    network, method = make_network(num_classes=classes), METHODS[name]
    found = method(evidence_of(network, torch.rand(2, 3, 32, 32), method), (48, 40))
    assert found.shape == (2, 1, 48, 40)
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    assert found.std() > 0


@every_method
def test_a_slices_map_does_not_depend_on_the_batch(name):
    network, method, image = make_network(), METHODS[name], torch.rand(4, 3, 32, 32)
    together = method(evidence_of(network, image, method), (32, 32))
    alone = method(evidence_of(network, image[2:3], method), (32, 32))
    torch.testing.assert_close(together[2:3], alone, atol=1e-5, rtol=1e-5)


@every_method
def test_gradient_reaches_the_first_block_and_only_by_backward(name):
    network, method = make_network(drop_path=0.0).train(), METHODS[name]
    found = method(network.forward_evidence(torch.rand(2, 3, 32, 32), attentions=method.needs_attentions), (32, 32))
    assert all(parameter.grad is None for parameter in network.parameters())
    assert network.training
    (found * torch.rand(32, 32)).sum().backward()
    assert network.blocks[0].attn.qkv.weight.grad.abs().sum() > 0


@every_method
def test_gradients_gathered_before_stay(name):
    network, method = make_network(), METHODS[name]
    network(torch.rand(2, 3, 32, 32)).sum().backward()
    before = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    method(network.forward_evidence(torch.rand(2, 3, 32, 32), attentions=method.needs_attentions), (32, 32))
    after = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@every_method
def test_works_where_the_consumer_switched_gradients_off(name):
    network, method = make_network(), METHODS[name]
    with torch.no_grad():
        found = method(evidence_of(network, torch.rand(2, 3, 32, 32), method), (32, 32))
    assert found.isfinite().all()


@every_method
def test_bfloat16_evidence_gives_a_float32_map(name):
    network, method = make_network(), METHODS[name]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        evidence = network.forward_evidence(torch.rand(2, 3, 32, 32), attentions=method.needs_attentions)
    assert method(evidence, (32, 32)).dtype == torch.float32


@every_method
def test_a_mixed_precision_context_does_not_round_the_map(name):
    network, method = make_network(), METHODS[name]
    evidence = evidence_of(network, torch.rand(2, 3, 32, 32), method)
    expected = method(evidence, (32, 32))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(method(evidence, (32, 32)), expected)


@every_method
def test_a_frozen_network_is_explained_alike(name):
    network, method, image = make_network(), METHODS[name], torch.rand(2, 3, 32, 32)
    expected = method(evidence_of(network, image, method), (32, 32))
    frozen = [network.patch_embed, network.blocks[0]], [network]
    for modules in frozen:
        for module in modules:
            module.requires_grad_(False)
        torch.testing.assert_close(method(evidence_of(network, image, method), (32, 32)), expected)


@pytest.mark.parametrize("name", BETWEEN_0_AND_1)
def test_maps_of_these_lie_between_0_and_1(name):
    network, method = make_network(), METHODS[name]
    found = method(evidence_of(network, torch.rand(3, 3, 32, 32), method), (64, 64))
    assert 0 <= float(found.min().detach()) <= float(found.max().detach()) <= 1


@pytest.mark.parametrize("name", BETWEEN_0_AND_1)
def test_constant_maps_are_zero(name):
    attention = torch.full((2, 2, 5, 5), 0.2, requires_grad=True)
    evidence = Evidence(
        attention.sum((1, 2, 3))[:, None], attention[:, :, 0, 1:], (attention,), torch.ones(2, 4, 3), (2, 2)
    )
    assert torch.equal(METHODS[name](evidence, (8, 8)), torch.zeros(2, 1, 8, 8))


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS[name].needs_attentions])
def test_missing_attentions_are_told(name):
    evidence = make_network().forward_evidence(torch.rand(1, 3, 32, 32))
    with pytest.raises(ValueError, match="attentions=True"):
        METHODS[name](evidence, (32, 32))


def test_only_methods_that_follow_several_blocks_need_matrices():
    needing = {name for name, method in METHODS.items() if method.needs_attentions}
    assert needing == {*BETWEEN_0_AND_1, "class_attention_of_two_blocks"}
    assert {name for name, method in METHODS.items() if method.needs_grad} == {"relevance", "relevance_class_0"}


@pytest.mark.parametrize("file", FILES)
def test_maps_agree_with_the_reference(file, tmp_path):
    golden = load_golden(file, tmp_path)
    evidence = golden.network.forward_evidence(golden.values["x"], attentions=True)
    methods = {
        "class_attention": ClassAttention(),
        "token_embedding": TokenEmbedding(),
        "eafem_0.85": EAFEM(0.85),
        "eafem_0.95": EAFEM(0.95),
        "rollout": Rollout(reference=True),
        "relevance": Relevance(),
    }
    for name, method in methods.items():
        found = method(evidence, golden.image_hw)[:, 0]
        torch.testing.assert_close(found, golden.values[f"map/{name}"], atol=1e-5, rtol=0, msg=lambda m, n=name: n + m)


def hooks_of(network):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in network.modules() for kind in kinds)


@every_method
@pytest.mark.parametrize("training", [False, True])
def test_the_network_is_left_as_it_was(name, training):
    network, method = make_network().train(training), METHODS[name]
    before = {key: value.clone() for key, value in network.state_dict().items() if "running" not in key}
    trainable = [parameter.requires_grad for parameter in network.parameters()]
    method(evidence_of(network, torch.rand(2, 3, 32, 32), method), (32, 32))
    assert {module.training for module in network.modules()} == {training}
    assert [parameter.requires_grad for parameter in network.parameters()] == trainable
    assert all(parameter.grad is None for parameter in network.parameters())
    assert hooks_of(network) == 0
    after = network.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items() if "num_batches" not in key)


@every_method
def test_only_what_a_method_declares_is_computed(name):
    network, method = make_network(), METHODS[name]
    evidence = evidence_of(network, torch.rand(2, 3, 32, 32), method)
    assert (evidence.attentions is not None) == method.needs_attentions
    assert evidence.logits.requires_grad == method.needs_grad


COMPILED = [name for name, method in METHODS.items() if not method.needs_grad]


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["eafem", "rollout"])  # the last block's row alone, and every block's matrix
def test_compiled_networks_give_the_same_map_and_gradient(name):
    method, image = METHODS[name], torch.rand(2, 3, 32, 32)
    found = []
    for compiled in (False, True):
        torch.manual_seed(0)
        network = make_network(dropout=0, drop_path=0, num_layers=2)
        model = WithEvidence(network, attentions=method.needs_attentions)
        model = torch.compile(model, backend="aot_eager") if compiled else model
        attribution = method(model(image), (32, 32))
        (attribution * torch.linspace(0, 1, 32)).sum().backward()
        found.append((attribution.detach(), network.blocks[0].attn.qkv.weight.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def gradient_under_ddp(network, method, option):
    """The wrapped model ends with this function: one that outlives its process group may wait for it for ever."""
    wrapped = WithEvidence(network, attentions=method.needs_attentions)
    model = torch.nn.parallel.DistributedDataParallel(wrapped, **{option: True})
    evidence = model(torch.rand(2, 3, 32, 32))
    (evidence.logits.sum() + (method(evidence, (32, 32)) * torch.linspace(0, 1, 32)).sum()).backward()
    return network.blocks[0].attn.qkv.weight.grad


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("option", ["static_graph", "find_unused_parameters"])
def test_ddp_options_leave_a_gradient(name, option, tmp_path):
    network = make_network(dropout=0, drop_path=0)
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    try:
        gradient = gradient_under_ddp(network, METHODS[name], option)
    finally:
        torch.distributed.destroy_process_group()
    assert gradient.abs().sum() > 0
