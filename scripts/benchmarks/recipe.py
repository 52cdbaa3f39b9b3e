"""Cost of the recommended recipe: its step with augmentation beside a plain one, and augmentation beside MONAI's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import torch
from monai.bundle import ConfigParser

from benchmarks.figure import Figure
from benchmarks.scale import Scale
from benchmarks.timings import Timings
from bundle.data import ScannerAugmentation, SliceAugmentation, SliceRequest
from bundle.handlers import EvidenceSplit, SegmentationLoss
from bundle.losses import DiceBCELoss, SliceClassificationLoss
from bundle.networks import SliceViT, WithEvidence

CONFIGS = Path(__file__).parents[2] / "configs"
STEPS = 4
"""Steps that are timed at once: one of the tiny network is short."""


def measure(scale: Scale) -> list[Figure]:
    """Return the figures of the recipe at tiny size, 32 slices of 64 x 64 pixels."""
    torch.set_num_threads(scale.threads)
    torch.manual_seed(0)
    batch = Batch(slices=4 * scale.batch_size, side=64)
    times = Timings.interleaved(
        {
            "plain": lambda: batch.steps(batch.plain),
            "recommended": lambda: batch.steps(batch.recommended),
            "scanner": batch.scanner,
            "monai": batch.monai,
        },
        scale.repetitions,
    )
    return [
        times.figure("step_recommended_over_plain", "recommended", "plain"),
        times.figure("monai_over_scanner_augmentation", "monai", "scanner"),
    ]


class Batch:
    """One batch of slices as the store gives it, and what is done with it."""

    def __init__(self, slices: int, side: int) -> None:
        self.image = torch.rand(slices, 3, side, side)
        self.mask = torch.zeros(slices, 1, side, side, dtype=torch.uint8)
        self.mask[: slices // 3, :, side // 4 : side // 2, side // 4 : side // 2] = 1
        self.label = self.mask.amax(dim=(2, 3)).float()
        self.requests = [SliceRequest(index) for index in range(slices)]
        self.augment = ScannerAugmentation()
        content = ConfigParser.load_config_file(CONFIGS / "augmentation" / "light.yaml")
        self.one_by_one = SliceAugmentation(ConfigParser(content).get_parsed_content("augmentation"))
        tiny = {"image_size": side, "patch_size": 8, "hidden_size": 128, "num_layers": 6, "num_heads": 4}
        self.networks = {
            self.plain: SliceViT(**tiny),
            self.recommended: WithEvidence(SliceViT(**tiny, stem="conv", mask_head="pixels")),
        }
        self.optimizers = {
            step: torch.optim.AdamW(network.parameters(), fused=True) for step, network in self.networks.items()
        }

    def steps(self, step: Callable[[], torch.Tensor]) -> None:
        """Train for some steps."""
        for _ in range(STEPS):
            self.optimizers[step].zero_grad()
            step().backward()
            self.optimizers[step].step()

    def plain(self) -> torch.Tensor:
        """Return the loss of `configs/methods/baseline.yaml`."""
        return SliceClassificationLoss()(self.networks[self.plain](self.image), self.label)

    def recommended(self) -> torch.Tensor:
        """Return the loss of `configs/methods/recommended.yaml`."""
        image, mask = self.scanner()
        output = {"image": image, "label": self.label, "pred": self.networks[self.recommended](image)}
        batch = {"mask": mask, "label": self.label, "supervised": torch.ones(len(image))}
        engine = SimpleNamespace(state=SimpleNamespace(output=output, batch=batch))
        EvidenceSplit()(engine)
        output["loss"] = SliceClassificationLoss()(output["pred"], self.label)
        SegmentationLoss(DiceBCELoss(), 1.0)(engine)
        return output["loss"]

    def scanner(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the batch as another scanner would show it."""
        return self.augment(self.image, self.mask, self.requests)

    def monai(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the batch after the five random transforms of `configs/augmentation/light.yaml`."""
        return self.one_by_one.of_batch(self.image, self.mask, self.requests)
