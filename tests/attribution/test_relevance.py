import pytest
import torch
import torch.distributed as dist
from torch import nn

from bundle.attribution import Relevance
from bundle.networks import Evidence, SliceViT, WithEvidence
from bundle.scaling import min_max_normalize


def toy(weights, classes=1):
    """One block of one head whose logits are a weighted sum of its CLS row."""
    attention = torch.full((1, 1, 5, 5), 0.2, requires_grad=True)
    logits = torch.stack([attention[:, 0, 0, 1:] @ torch.tensor(w) for w in weights], dim=1)
    assert logits.shape == (1, classes)
    return Evidence(logits, attention[:, :, 0, 1:], (attention,), torch.zeros(1, 4, 2), (2, 2))


def relevance(evidence, **options):
    return Relevance(**options)(evidence, (2, 2)).flatten().tolist()


def test_both_signs_of_a_single_logit_by_hand():
    weights = [[4.0, 1.0, -2.0, -3.0]]
    for target_class in (None, 1):
        assert relevance(toy(weights), target_class=target_class) == pytest.approx([1, 0.25, 0, 0])
    assert relevance(toy(weights), target_class=0) == pytest.approx([0, 0, 2 / 3, 1])


def test_class_of_several_is_chosen():
    weights = [[1.0, 0.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    assert relevance(toy(weights, 3), target_class=0) == [1, 0, 0, 0]
    assert relevance(toy(weights, 3), target_class=2) == [0, 0, 1, 0]
    assert relevance(toy(weights, 3)) == [0, 1, 0, 0], "the highest logit"


def test_of_two_highest_classes_one_is_explained():
    assert relevance(toy([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]], 2)) == pytest.approx([1, 1, 0, 0])


def test_small_gradients_of_half_precision_are_not_lost():
    attention = torch.full((1, 1, 5, 5), 0.0039, dtype=torch.float16, requires_grad=True)
    weights = torch.tensor([4.0, 1.0, 2.0, 3.0]).half() * 2**-18
    logits = (attention[:, 0, 0, 1:] * weights).sum(dim=1, keepdim=True)
    evidence = Evidence(logits, attention[:, :, 0, 1:], (attention,), torch.zeros(1, 4, 2), (2, 2))
    assert relevance(evidence) == pytest.approx([1, 0, 1 / 3, 2 / 3], abs=1e-3)


def test_row_by_row_equals_the_product_of_matrices():
    network = SliceViT(image_size=16, patch_size=8, hidden_size=16, num_layers=3, num_heads=2).eval()
    evidence = network.forward_evidence(torch.rand(2, 3, 16, 16), attentions=True)
    gradients = torch.autograd.grad(evidence.logits.sum(), evidence.attentions, retain_graph=True)
    product = torch.eye(5).expand(2, 5, 5)
    for matrix, gradient in zip(evidence.attentions, gradients, strict=True):
        product = product + (gradient * matrix).relu().mean(dim=1) @ product
    expected = min_max_normalize(product[:, 0, 1:]).reshape(2, 1, 2, 2)
    torch.testing.assert_close(Relevance()(evidence, (2, 2)), expected, atol=1e-5, rtol=1e-5)


def test_the_gradient_is_a_constant_for_the_loss():
    evidence = toy([[4.0, 1.0, -2.0, -3.0]])
    squares = evidence._replace(logits=evidence.logits**2)  # whose gradient depends on the attention
    (attention,) = evidence.attentions
    (found,) = torch.autograd.grad(Relevance().grid_map(squares)[0, 0], attention)
    assert float(found[0, 0, 0, 1]) == 0, "the logit is 0, so is its square's gradient"
    shifted = evidence._replace(logits=(evidence.logits + 1) ** 2)
    (found,) = torch.autograd.grad(Relevance().grid_map(shifted)[0, 0], attention)
    assert float(found[0, 0, 0, 1]) == pytest.approx(2 * 4), "2 (logit + 1) * weight, and nothing of second order"


def test_evidence_without_a_graph_is_told():
    network = SliceViT(image_size=16, patch_size=8, hidden_size=16, num_layers=1, num_heads=2).eval()
    with torch.no_grad():
        evidence = network.forward_evidence(torch.rand(1, 3, 16, 16), attentions=True)
    with pytest.raises(RuntimeError, match=r"torch\.enable_grad\(\)"):
        Relevance()(evidence, (16, 16))


@pytest.fixture
def one_process(tmp_path):
    """A process group of one."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("option", ["static_graph", "find_unused_parameters", None])
def test_works_under_ddps_defaults_and_says_where_not(option, one_process):
    network = SliceViT(image_size=16, patch_size=8, hidden_size=16, num_layers=2, num_heads=2, dropout=0, drop_path=0)
    image, options = torch.rand(2, 3, 16, 16), {option: True} if option else {}
    model = nn.parallel.DistributedDataParallel(WithEvidence(network, attentions=True), **options)
    evidence = model(image)
    if option:
        with pytest.raises(RuntimeError, match="static_graph"):
            Relevance()(evidence, (16, 16))
    else:
        (evidence.logits.sum() + Relevance()(evidence, (16, 16))[..., :8].sum()).backward()
        assert network.blocks[0].attn.qkv.weight.grad.abs().sum() > 0


@pytest.mark.no_cover
def test_says_that_torch_compile_cuts_the_graph():
    network = SliceViT(image_size=16, patch_size=8, hidden_size=16, num_layers=1, num_heads=2, dropout=0, drop_path=0)
    compiled = torch.compile(WithEvidence(network, attentions=True), backend="aot_eager")
    with pytest.raises(RuntimeError, match=r"torch\.compile"):
        Relevance()(compiled(torch.rand(2, 3, 16, 16)), (16, 16))


@pytest.mark.parametrize(("target_class", "classes"), [(2, 1), (3, 3)])
def test_a_class_that_is_not_there_is_refused(target_class, classes):
    with pytest.raises(ValueError, match=f"got {target_class}"):
        relevance(toy([[1.0, 0.0, 0.0, 0.0]] * classes, classes), target_class=target_class)


def test_a_negative_class_is_refused():
    with pytest.raises(ValueError, match="got -1"):
        Relevance(target_class=-1)
