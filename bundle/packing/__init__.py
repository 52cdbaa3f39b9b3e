"""From the folder of a trained run to one archive that others load, run, train on and export."""

from bundle.packing.bundle_files import bundle_files
from bundle.packing.model_card import model_card
from bundle.packing.pack_bundle import pack_bundle
from bundle.packing.packed_inference import packed_inference
from bundle.packing.packed_metadata import packed_metadata
from bundle.packing.packed_train import packed_train
from bundle.packing.require_fit import require_fit
from bundle.packing.require_no_machine_paths import require_no_machine_paths
from bundle.packing.trained_run import TrainedRun
from bundle.packing.write_archive import write_archive

__all__ = [
    "TrainedRun",
    "bundle_files",
    "model_card",
    "pack_bundle",
    "packed_inference",
    "packed_metadata",
    "packed_train",
    "require_fit",
    "require_no_machine_paths",
    "write_archive",
]
