"""The archive of a trained run, for others to load, run, train on and export."""

from bundle.packing.checks import names_place, require_fit, require_no_machine_paths
from bundle.packing.configs import packed_inference, packed_metadata, packed_train, with_one_rule
from bundle.packing.model_card import model_card
from bundle.packing.pack_bundle import pack_bundle, write_archive
from bundle.packing.packed_files import bundle_files
from bundle.packing.sbom import SBOM, needed_packages, sbom_text
from bundle.packing.trained_run import TrainedRun

__all__ = [
    "SBOM",
    "TrainedRun",
    "bundle_files",
    "model_card",
    "names_place",
    "needed_packages",
    "pack_bundle",
    "packed_inference",
    "packed_metadata",
    "packed_train",
    "require_fit",
    "require_no_machine_paths",
    "sbom_text",
    "with_one_rule",
    "write_archive",
]
