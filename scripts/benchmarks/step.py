"""Cost of supervision: a training step with and without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.allocated_peak import allocated_peak
from benchmarks.figure import Figure
from benchmarks.plain_steps import PlainSteps, matrix_products
from benchmarks.scale import Scale
from benchmarks.separating_search import exhaustive_threshold
from benchmarks.timings import Timings
from bundle.attribution import EAFEM, Attribution, Relevance, Rollout
from bundle.handlers import EvidenceSplit, LocalizationLoss
from bundle.losses import DistributionKL, SliceClassificationLoss
from bundle.losses.res import separating_threshold
from bundle.networks import SliceViT, WithEvidence
from bundle.transforms import SmoothMask

MASK_PIXELS = 500


def measure(scale: Scale) -> list[Figure]:
    """Return the figures of the training step and of RES's threshold."""
    torch.set_num_threads(scale.threads)
    torch.manual_seed(0)
    steps = Steps(scale)
    plain = PlainSteps(scale, steps.image, steps.mask, steps.label)
    actions = steps.actions(plain)
    times = Timings.interleaved(actions, scale.repetitions)
    figure = partial(times.figure, floor="floor")
    slower = max(("rollout", "gae"), key=times.median)
    others = {f"{name}_over_plain": times.ratio(name, "plain") for name in actions}
    return [
        figure("step_eafem_over_plain", "eafem", "plain", others=others),
        figure("step_relevance_over_plain", slower, "plain", slower=slower),
        figure("plain_over_floor", "project_plain", "floor"),
        memory(actions, lambda: (steps.optimizer.zero_grad(), plain.optimizer.zero_grad())),
        solver(scale),
    ]


class Steps:
    """The steps that are compared, on one batch."""

    def __init__(self, scale: Scale, device: str = "cpu", *, bfloat16: bool = False) -> None:
        side, count = scale.image_size, scale.batch_size
        self.scale = scale
        self.image = torch.rand(count, 3, side, side, device=device)
        self.mask = torch.zeros(count, 1, side, side, dtype=torch.uint8, device=device)
        self.mask[..., side // 4 : side // 2, side // 4 : side // 2] = 1
        self.label = torch.ones(count, 1, device=device)
        self.network = SliceViT(**scale.network).to(device)
        self.precision = partial(torch.autocast, self.image.device.type, torch.bfloat16, enabled=bfloat16)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-5, fused=True)

    def actions(self, plain: PlainSteps) -> dict[str, Callable[[], object]]:
        """Return name -> step; those of the baselines know no code of the project."""
        compiled = {"eafem_compiled": self.supervised(EAFEM(), compiled="inductor")} if self.scale.compiled else {}
        return {
            "floor": matrix_products(self.scale, len(self.image)),
            "plain": plain.step,
            "project_plain": self.unsupervised,
            "eafem": self.supervised(EAFEM()),
            "rollout": self.supervised(Rollout(reference=True)),
            "gae": self.supervised(Relevance()),
            "all_matrices_dense_blur": plain.dense_step,
            **compiled,
        }

    def unsupervised(self, network: nn.Module | None = None) -> None:
        """A step of `configs/methods/baseline.yaml`, perhaps of the compiled network."""
        network = self.network if network is None else network
        with self.precision():
            loss = SliceClassificationLoss()(network(self.image), self.label)
        self.update(loss)

    def supervised(self, attribution: Attribution, *, compiled: str | None = None) -> Callable[[], None]:
        """Return the step that the trainer makes with its two handlers, compiled as by `--train#trainer#compile`."""
        network: nn.Module = WithEvidence(self.network, attentions=attribution.needs_attentions)
        network = torch.compile(network, backend=compiled, dynamic=False) if compiled else network
        loss = SliceClassificationLoss()
        handler = LocalizationLoss(attribution, DistributionKL(), 1000.0, SmoothMask(self.scale.smoothing_kernel))
        supervised = torch.ones_like(self.label[:, 0])
        batch = {"image": self.image, "mask": self.mask, "label": self.label, "supervised": supervised}

        def step() -> None:
            with self.precision():
                value = supervised_loss(network, loss, handler, self.image, batch)
            self.update(value)

        return step

    def update(self, loss: Tensor) -> None:
        """Go back through the graph and change the weights."""
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def supervised_loss(
    network: nn.Module, loss: nn.Module, handler: LocalizationLoss, image: Tensor, batch: dict[str, Any]
) -> Tensor:
    """Return the loss that the trainer goes back through, made by its two handlers."""
    output = {"image": image, "label": batch["label"], "pred": network(image)}
    engine = SimpleNamespace(state=SimpleNamespace(output=output, batch=batch))
    EvidenceSplit()(engine)
    output["loss"] = loss(output["pred"], batch["label"])
    handler(engine)
    return output["loss"]


def memory(actions: dict[str, Callable[[], object]], forget: Callable[[], object]) -> Figure:
    """Return what EAFEM adds to the peak of what one step allocates, weights and optimizer state not counted."""
    names = ("plain", "project_plain", "eafem", "rollout", "gae", "all_matrices_dense_blur")
    peaks = {}
    for name in names:
        forget()  # gradients of an earlier step would be freed in this one
        peaks[name] = allocated_peak(actions[name])
    extra = peaks["eafem"] / peaks["plain"] - 1
    return Figure("eafem_extra_memory", extra, extra, extra, 0.0, {"peak_bytes": peaks})


def solver(scale: Scale) -> Figure:
    """Compare both searches for RES's threshold on the same pixels, half of them wanted."""
    values = torch.rand(MASK_PIXELS)
    wanted = (torch.rand(MASK_PIXELS) < 0.2 + 0.6 * values).float()
    actions: dict[str, Callable[[], object]] = {
        "exhaustive": partial(exhaustive_threshold, values, wanted, 1 - wanted),
        "sorted": partial(separating_threshold, values, wanted, 1 - wanted),
        "floor": values.sort,
    }
    same = float(exhaustive_threshold(values, wanted, 1 - wanted)) == float(
        separating_threshold(values, wanted, 1 - wanted)
    )
    times = Timings.interleaved(actions, scale.repetitions)
    found = times.figure("res_solver_speedup", "exhaustive", "sorted", same_value=same, pixels=MASK_PIXELS)
    return found.with_floor(times.ratio("exhaustive", "floor"))
