import pytest
import torch
import torch.distributed as dist
from monai.networks.utils import copy_model_state
from torch import nn

from bundle.networks import Evidence, SliceViT, WithEvidence, with_evidence

TINY = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_layers": 2, "num_heads": 2}


@pytest.fixture
def one_process(tmp_path):
    """A process group of one."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_forward_returns_evidence():
    network = SliceViT(**TINY).eval()
    image = torch.rand(2, 3, 32, 32)
    evidence = WithEvidence(network)(image)
    assert isinstance(evidence, Evidence)
    assert evidence.attentions is None
    assert torch.equal(evidence.logits, network(image))
    assert len(WithEvidence(network, attentions=True)(image).attentions) == 2


@pytest.mark.parametrize("wrapped_first", [False, True])
def test_every_weight_is_copied_by_name(wrapped_first):
    source, target = SliceViT(**TINY), SliceViT(**TINY)
    models = (WithEvidence(source), target) if wrapped_first else (source, WithEvidence(target))
    _, changed, unchanged = copy_model_state(models[1], models[0])
    assert sorted(changed) == sorted(source.state_dict())
    assert not unchanged
    for name, weight in source.state_dict().items():
        assert torch.equal(weight, target.state_dict()[name]), name


def test_state_loads_strictly_and_names_what_is_missing():
    network = SliceViT(**TINY)
    state = network.state_dict()
    wrapped = WithEvidence(SliceViT(**TINY))
    wrapped.load_state_dict(state, strict=True)
    assert list(wrapped.state_dict()) == list(state)
    assert len(state) == len(network.state_dict()), "loading leaves the given state as it is"
    del state["head.bias"]
    with pytest.raises(RuntimeError, match=r"head\.bias"):
        wrapped.load_state_dict(state)


def test_names_stay_the_same_inside_another_module():
    outer = nn.ModuleDict({"model": WithEvidence(SliceViT(**TINY))})
    state = outer.state_dict()
    assert list(state) == [f"model.{name}" for name in SliceViT(**TINY).state_dict()]
    outer.load_state_dict(state, strict=True)


def test_gradients_under_distributed_data_parallel_are_those_without(one_process):
    network = SliceViT(**TINY, dropout=0.0, drop_path=0.0)
    image = torch.rand(2, 3, 32, 32)

    def gradients(model):
        network.zero_grad()
        evidence = model(image)
        (evidence.logits.sum() + evidence.class_attention[..., 0].sum() + evidence.tokens.mean()).backward()
        return [parameter.grad.clone() for parameter in network.parameters()]

    parallel = nn.parallel.DistributedDataParallel(WithEvidence(network))
    for a, b in zip(gradients(parallel), gradients(WithEvidence(network)), strict=True):
        torch.testing.assert_close(a, b)
    parallel.load_state_dict(parallel.state_dict(), strict=True)
    assert [name.removeprefix("module.") for name in parallel.state_dict()] == list(network.state_dict())


@pytest.mark.no_cover
def test_compiled_evidence_is_the_same():
    network = SliceViT(**TINY).eval()
    image = torch.rand(2, 3, 32, 32)
    compiled = torch.compile(WithEvidence(network), backend="eager", fullgraph=True)(image)
    torch.testing.assert_close(compiled.class_attention, WithEvidence(network)(image).class_attention)
    assert compiled.grid_hw == (4, 4)


def test_wraps_only_where_asked():
    network = SliceViT(**TINY)
    assert with_evidence(network, enabled=False) is network
    wrapped = with_evidence(network, enabled=True, attentions=True)
    assert wrapped.network is network
    assert wrapped.attentions
