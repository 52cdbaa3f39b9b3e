"""Steps of MONAI's trainer on the device: their numbers, their precision, and nobody waits."""

import pytest
import torch
from attribution.test_attributions import METHODS
from handlers.test_no_waiting import Added
from support.network import toy_batch, toy_network, toy_trainer

from bundle.attribution import EAFEM, Relevance
from bundle.handlers import EpochLosses, EvidenceSplit, LocalizationLoss, PrepareSliceBatch
from bundle.losses import DistributionKL, RESLoss
from bundle.networks import WithEvidence
from bundle.transforms import SmoothMask

pytestmark = pytest.mark.gpu


def trained(device, attribution=None, loss=None, handlers=(), **options):
    """Return the losses of four steps and the weights after them."""
    attribution, losses = attribution or EAFEM(), []
    network = toy_network(dropout=0, drop_path=0).to(device)
    localization = LocalizationLoss(attribution, (loss or DistributionKL()).to(device), 30.0, SmoothMask(5))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    tape = Added(EpochLosses())
    tape.losses.add = lambda engine: losses.append(engine.state.output["loss"].detach())
    trainer = toy_trainer(
        WithEvidence(network, attentions=attribution.needs_attentions),
        [toy_batch(seed=seed) for seed in range(4)],
        [EvidenceSplit(), localization, tape, *handlers],
        optimizer=optimizer,
        device=device,
        **options,
    )
    trainer.run()
    weights = torch.cat([parameter.detach().flatten().cpu() for parameter in network.parameters()])
    return torch.stack(losses).cpu(), weights


@pytest.mark.parametrize("name", METHODS)
def test_steps_are_those_of_the_cpu(name, device):
    losses, weights = trained(device, METHODS[name])
    expected_losses, expected_weights = trained(torch.device("cpu"), METHODS[name])
    torch.testing.assert_close(losses, expected_losses, rtol=5e-3, atol=1e-5)
    # Adam divides by the gradient's size: a weight whose gradient is rounding may go either way, 1e-3 a step
    assert float(((weights - expected_weights).abs() > 1e-4).float().mean()) < 0.05


def test_steps_in_bfloat16_are_near(gpu):
    losses, weights = trained(gpu, amp=True, amp_kwargs={"dtype": torch.bfloat16})
    torch.testing.assert_close(losses, trained(gpu)[0], rtol=0.05, atol=1e-3)
    assert weights.isfinite().all()


@pytest.mark.parametrize("amp", [False, True])
def test_steps_of_the_compiled_network_are_those_of_the_other(amp, device):
    if amp and device.type == "cpu":
        pytest.skip("MONAI's mixed precision is that of a GPU")
    options = {"amp": amp, "amp_kwargs": {"dtype": torch.bfloat16}}
    backend = {"backend": "eager"} if device.type == "cpu" else {}
    losses, _ = trained(device, compile=True, compile_kwargs={"fullgraph": True, **backend}, **options)
    torch.testing.assert_close(losses, trained(device, **options)[0], rtol=0.05 if amp else 5e-3, atol=1e-3)


WAITING = [
    (EAFEM(), DistributionKL()),
    (Relevance(), RESLoss(patch_size=4)),
    *((m, DistributionKL()) for m in METHODS.values()),
]


@pytest.mark.parametrize(("attribution", "loss"), WAITING)
def test_no_step_waits_for_the_device(attribution, loss, gpu):
    """Every step after the second runs under a mode in which waiting raises; pinned batches travel in it too."""
    batches = [{key: _pinned(value) for key, value in toy_batch(seed=seed).items()} for seed in range(4)]
    network = toy_network().to(gpu)
    trainer = toy_trainer(
        WithEvidence(network, attentions=attribution.needs_attentions),
        batches,
        [EvidenceSplit(), LocalizationLoss(attribution, loss.to(gpu), 30.0, SmoothMask(5))],
        optimizer=torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True),
        device=gpu,
        non_blocking=True,
        amp=True,
        amp_kwargs={"dtype": torch.bfloat16},
    )
    update = trainer._process_function

    def strict(engine, batch):
        torch.cuda.set_sync_debug_mode("error" if engine.state.iteration > 2 else "default")
        try:
            return update(engine, batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    trainer._process_function = strict
    trainer.run()
    assert trainer.state.iteration == 4


def _pinned(value):
    return value.pin_memory() if isinstance(value, torch.Tensor) else value


def test_a_batch_keeps_its_numbers_on_the_way(device):
    batch = toy_batch()
    image, label = PrepareSliceBatch()({key: value for key, value in batch.items()}, device, non_blocking=True)
    assert (image.device.type, image.dtype) == (device.type, torch.float32)
    assert torch.equal(image.cpu(), batch["image"])
    assert torch.equal(label.cpu(), batch["label"])
