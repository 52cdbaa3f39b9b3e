"""Promises of every localization loss; a new one inherits these tests by its line in the table."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.golden import FILES, load_golden

from bundle.attribution import EAFEM, Relevance, Rollout
from bundle.losses import DistributionKL, GradMaskLoss, PatchShareKL, RESLoss, RobustViTLoss

LOSSES = {
    "kl": lambda: DistributionKL(),
    "kl_paper": lambda: DistributionKL("lgmvit_paper"),
    "patch_share": lambda: PatchShareKL(patch_size=8),
    "gradmask": lambda: GradMaskLoss(),
    "robustvit": lambda: RobustViTLoss(),
    "robustvit_original": lambda: RobustViTLoss(variant="original_paper"),
    "res_g": lambda: RESLoss("gaussian", patch_size=8),
    "res_l": lambda: RESLoss("learned", patch_size=8),
    "res_g_original": lambda: RESLoss("original_gaussian", patch_size=8),
    "res_l_original": lambda: RESLoss("original_learned", patch_size=8),
    "res_exhaustive": lambda: RESLoss("gaussian", patch_size=8, outside="negative"),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


def make_batch(size=4, weight=None):
    mask = torch.zeros(size, 1, 32, 32)
    mask[..., 8:24, 4:20] = 1
    weight = torch.ones(size) if weight is None else torch.tensor(weight)
    return {
        "image": torch.rand(size, 3, 32, 32),
        "mask": mask,
        "smoothed_mask": mask * 0.75 + 0.1,
        "weight": weight,
        "pred": torch.randn(size, 1),
    }


def some_map(size=4):
    return torch.rand(size, 1, 32, 32)


@every_loss
def test_no_slice_counts_gives_exactly_zero_with_the_graph_whole(name):
    attribution = some_map().requires_grad_()
    value = LOSSES[name]()(attribution, make_batch(weight=[0.0] * 4))
    assert value.shape == ()
    assert value.item() == 0
    value.backward()
    assert torch.equal(attribution.grad, torch.zeros_like(attribution))


@every_loss
def test_slices_that_do_not_count_change_nothing(name):
    loss, batch, attribution = LOSSES[name](), make_batch(weight=[1.0, 0.0, 1.0, 0.0]), some_map().requires_grad_()
    value = loss(attribution, batch)
    other = torch.where(batch["weight"].reshape(-1, 1, 1, 1) > 0, attribution.detach(), some_map())
    torch.testing.assert_close(loss(other, batch), value)
    value.backward()
    assert attribution.grad[0].abs().sum() > 0
    assert attribution.grad[1].abs().sum() == 0


@every_loss
def test_is_float32_where_the_map_is_not(name):
    loss, batch, attribution = LOSSES[name](), make_batch(), some_map().bfloat16()
    torch.testing.assert_close(loss(attribution, batch), loss(attribution.float(), batch))
    assert loss(attribution, batch).dtype == torch.float32


@every_loss
def test_leaves_map_and_batch_as_they_were(name):
    attribution, batch = some_map(), make_batch()
    before = {key: value.clone() for key, value in {**batch, "map": attribution}.items()}
    LOSSES[name]()(attribution, batch)
    assert all(torch.equal(before[key], value) for key, value in {**batch, "map": attribution}.items())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DistributionKL("forward"), r"\['lgmvit_code', 'lgmvit_paper'\], got 'forward'"),
        (lambda: RobustViTLoss(variant="mine"), r"\['lgmvit_code', 'original_paper'\], got 'mine'"),
        (lambda: RESLoss("median"), r"'learned'.*got 'median'"),
        (lambda: RESLoss(outside="half"), r"\['ignored', 'negative'\], got 'half'"),
        (lambda: RESLoss("learned", patch_size=12), "4, 8, 16, 32, ..., got 12"),
    ],
)
def test_unknown_options_are_refused_with_the_choices(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# The divergence is a small difference of large sums: the order in which a processor's vector unit adds floats moves it
# by a thousandth at 128 x 128 px. On the reference's own instruction set it must agree as everything else does.
ON_REFERENCE_UNIT = torch.backends.cpu.get_cpu_capability() == "AVX2"
ROUNDING_OF_KL = 1e-4 if ON_REFERENCE_UNIT else 2e-3


def reference_losses(golden):
    """Return (name, map, loss, tolerance) for every value the reference computed."""
    learned = RESLoss("learned")
    weights = {key: value for key, value in golden.values.items() if key.startswith("res_l/imp_conv")}
    learned.imputation.load_state_dict({key.removeprefix("res_l/"): value for key, value in weights.items()})
    return [
        ("kl_eafem_0.85", EAFEM(0.85), DistributionKL(), ROUNDING_OF_KL),
        ("kl_eafem_0.95", EAFEM(0.95), DistributionKL(), ROUNDING_OF_KL),
        ("kl_rollout", Rollout(reference=True), DistributionKL(), ROUNDING_OF_KL),
        ("kl_relevance", Relevance(), DistributionKL(), ROUNDING_OF_KL),
        ("gradmask", Relevance(), GradMaskLoss(), 1e-4),
        ("robustvit", Relevance(), RobustViTLoss(), 1e-4),
        ("res_g", Relevance(), RESLoss(), 1e-4),
        ("res_l", Relevance(), learned, 1e-4),
    ]


@pytest.mark.parametrize("file", FILES)
def test_values_and_gradients_agree_with_the_reference(file, tmp_path):
    golden = load_golden(file, tmp_path)
    for name, attribution, loss, tolerance in reference_losses(golden):
        evidence = golden.network.forward_evidence(golden.values["x"], attentions=True)
        value = loss(attribution(evidence, golden.image_hw), golden.batch())
        assert value.item() == pytest.approx(golden.values[f"loss/{name}"].item(), rel=tolerance), name
        assert golden.gradient_error(name, value) < tolerance, name


@pytest.mark.skipif(ON_REFERENCE_UNIT, reason="this process adds as the reference did")
def test_agrees_on_the_references_instruction_set(tmp_path):
    load_golden(FILES[0], tmp_path)  # skips where there is nothing to compare with
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "avx2"}
    probe = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    found = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True)
    if found.stdout.strip() != "AVX2":
        pytest.skip("this processor has no AVX2")
    test = f"{Path(__file__)}::test_values_and_gradients_agree_with_the_reference"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", test]
    run = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
