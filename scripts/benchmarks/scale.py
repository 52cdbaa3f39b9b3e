"""Sizes of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scale:
    """Sizes of network, data and repetitions; the defaults are those of the targets, ViT-B/16 at 256 x 256.

    Args:
        image_size: side of a slice in pixels.
        patch_size: side of a patch in pixels.
        hidden_size: width of a token.
        num_layers: blocks.
        num_heads: attention heads.
        smoothing_kernel: side of the mask's blur in pixels.
        batch_size: slices of a training step.
        threads: of a step, unless said otherwise.
        repetitions: turns of each comparison.
        side: rows and columns of a volume's slices in its file.
        depth: slices of a volume.
        cases: volumes of the data part.
        epoch_cases: phantoms of the epoch part.
        many_cases: cases of the index.
        workers: ingesting processes, up to this number.
        ct_side: rows and columns of the DICOM study.
        ct_slices: slices of the DICOM study.
        compiled: 1 measures a step of the compiled network too, which needs a C++ compiler and minutes to start.
    """

    image_size: int = 256
    patch_size: int = 16
    hidden_size: int = 768
    num_layers: int = 12
    num_heads: int = 12
    smoothing_kernel: int = 51
    batch_size: int = 8
    threads: int = 2
    repetitions: int = 7
    side: int = 240
    depth: int = 155
    cases: int = 4
    epoch_cases: int = 110
    many_cases: int = 10_000
    workers: int = 2
    compiled: int = 0
    ct_side: int = 512
    ct_slices: int = 300

    @classmethod
    def quick(cls) -> Scale:
        """Return sizes that show within a minute that everything runs, and nothing else."""
        return cls(
            **{"image_size": 32, "patch_size": 8, "hidden_size": 32, "num_layers": 2, "num_heads": 2},
            **{"smoothing_kernel": 7, "batch_size": 4, "threads": 1, "repetitions": 1},
            **{
                "ct_side": 32,
                "ct_slices": 8,
                "side": 24,
                "depth": 8,
                "cases": 2,
                "epoch_cases": 5,
                "many_cases": 20,
                "workers": 0,
            },
        )

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of a network of this size."""
        names = ("image_size", "patch_size", "hidden_size", "num_layers", "num_heads")
        return {name: getattr(self, name) for name in names}
