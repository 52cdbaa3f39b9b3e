import ignite.distributed as idist
import pytest
import torch
from sklearn.metrics import log_loss

from bundle.losses import SliceClassificationLoss


def test_binary_is_sklearns_log_loss_over_the_labeled():
    logits = torch.tensor([[2.0], [-1.0], [0.5], [9.0]])
    label = torch.tensor([[1.0], [1.0], [0.0], [-1.0]])
    expected = log_loss([1, 1, 0], logits[:3, 0].double().sigmoid().numpy())
    assert SliceClassificationLoss()(logits, label).item() == pytest.approx(expected)


def test_several_classes_are_sklearns_log_loss_over_the_labeled():
    logits, label = torch.randn(5, 3), torch.tensor([0, 2, -1, 1, 2])
    kept = label >= 0
    expected = log_loss(label[kept].numpy(), logits[kept].double().softmax(1).numpy(), labels=[0, 1, 2])
    assert SliceClassificationLoss(num_classes=3)(logits, label).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("classes", "label"), [(1, [[-1.0], [-1.0]]), (3, [-1, -1])])
def test_no_label_gives_zero_with_the_graph_whole(classes, label):
    logits = torch.randn(2, classes, requires_grad=True)
    value = SliceClassificationLoss(classes)(logits, torch.tensor(label))
    value.backward()
    assert value.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_ranks_of_unequal_size_average_to_the_one_process_value(monkeypatch):
    """DDP averages over ranks: three slices on one and one on the other must weigh as four in one process."""
    logits, label = torch.randn(4, 1, requires_grad=True), torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    loss = SliceClassificationLoss()
    whole = loss(logits, label)
    monkeypatch.setattr(idist, "get_world_size", lambda: 2)
    monkeypatch.setattr(idist, "all_reduce", lambda count: count.fill_(4))
    parts = [loss(logits[:3], label[:3]), loss(logits[3:], label[3:])]
    torch.testing.assert_close(sum(parts) / 2, whole)
    assert loss(logits[:2], torch.full((2, 1), -1.0)).item() == 0, "a rank left without slices"


def test_float32_under_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert SliceClassificationLoss()(torch.zeros(2, 1).bfloat16(), torch.ones(2, 1)).dtype == torch.float32
