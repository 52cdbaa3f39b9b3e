"""Targets of the figures."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """A figure's meaning and its limit."""

    what: str
    at_most: bool
    limit: float

    def met(self, value: float) -> bool:
        """Return whether a measured value keeps to the limit."""
        return value <= self.limit if self.at_most else value >= self.limit

    def text(self) -> str:
        """Return the limit as a reader writes it."""
        return f"{'<=' if self.at_most else '>='} {self.limit:,g}"


TARGETS = {
    "step_eafem_over_plain": Target("supervised step / plain step, EAFEM", True, 1.03),
    "step_relevance_over_plain": Target("supervised step / plain step, the slower of GAE and rollout", True, 1.6),
    "step_recommended_over_plain": Target("recommended step with augmentation / plain step, tiny size", True, 1.5),
    "monai_over_scanner_augmentation": Target("MONAI's five transforms, slice by slice / ours of a batch", False, 5),
    "plain_over_floor": Target("plain step / its matrix products", True, 1.25),
    "eafem_extra_memory": Target("extra memory of EAFEM supervision / plain step's peak", True, 0.02),
    "res_solver_speedup": Target("RES threshold of 500 pixels: exhaustive / ours", False, 1000),
    "store_over_loader": Target("slices from the store / per-epoch loader, one process", False, 10),
    "store_slices_per_second": Target("slices per second from the store", False, 2000),
    "ingest_over_loader_epoch": Target("ingestion / one epoch of the per-epoch loader, one process", True, 1.5),
    "epoch_over_steps": Target("epoch / sum of its steps and validation forwards, tiny size", True, 1.1),
    "open_10000_cases_seconds": Target("seconds to open 10,000 cases", True, 2),
    "infer_over_naive": Target("inference with maps / slice-by-slice loop of the plain network", True, 0.75),
    "cold_start_over_import": Target("start to first step / import of monai.bundle", True, 1.5),
    "study_over_budget": Target("DICOM study to volume / (3 x dcm2niix + writing the same bytes)", True, 1),
    "study_results_over_budget": Target("the same to findings, report and DICOM objects / that of all bytes", True, 1),
    "study_memory_over_volume": Target("peak memory of that / the volume's size, int16", True, 4),
    "two_processes_over_ceiling": Target("two gloo processes / two independent ones", False, 0.9),
}
