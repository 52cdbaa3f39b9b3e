"""From files to batches: cases and their finders, splits by patient, checks, the slice store."""

from bundle.data.cases.case import Case, with_identities
from bundle.data.cases.channel_files import ChannelFiles
from bundle.data.cases.check_case import CaseRow, check_case
from bundle.data.cases.check_report import CheckReport, check_cases
from bundle.data.cases.datalist import Datalist, DecathlonCases
from bundle.data.cases.held_out import require_held_out, require_held_out_at_start
from bundle.data.cases.inference_items import inference_items, without_label
from bundle.data.cases.nnunet_cases import NnunetCases
from bundle.data.cases.own_split import own_split, without_unlabeled_test
from bundle.data.cases.paired_volumes import PairedVolumes
from bundle.data.cases.slice_images import SliceImages
from bundle.data.cases.split import Split, split_cases, split_hash
from bundle.data.slices.augmentation import SliceAugmentation, SliceRequest
from bundle.data.slices.balanced_order import BalancedOrder, SupervisedOrder
from bundle.data.slices.batch_order import ScanOrder, SequentialOrder, ShuffleOrder
from bundle.data.slices.case_stream import CaseStream
from bundle.data.slices.dataset import SliceDataset
from bundle.data.slices.describe import describe
from bundle.data.slices.fingerprint import fingerprint
from bundle.data.slices.input_profile import (
    compared_positions,
    compared_slices,
    input_facts,
    input_profile,
    input_warnings,
    stored_facts,
)
from bundle.data.slices.learnable import (
    describe_labels,
    describe_left_out,
    label_warnings,
    require_labels,
    warn_of_lost_masks,
)
from bundle.data.slices.loader import SliceBatchSampler, SliceDataLoader
from bundle.data.slices.scanner_augmentation import ScannerAugmentation
from bundle.data.slices.store import SliceStore
from bundle.data.slices.supervision import supervised_cases
from bundle.data.slices.unseen import require_unseen

__all__ = [
    "BalancedOrder",
    "Case",
    "CaseRow",
    "CaseStream",
    "ChannelFiles",
    "CheckReport",
    "Datalist",
    "DecathlonCases",
    "NnunetCases",
    "PairedVolumes",
    "ScanOrder",
    "ScannerAugmentation",
    "SequentialOrder",
    "ShuffleOrder",
    "SliceAugmentation",
    "SliceBatchSampler",
    "SliceDataLoader",
    "SliceDataset",
    "SliceImages",
    "SliceRequest",
    "SliceStore",
    "Split",
    "SupervisedOrder",
    "check_case",
    "check_cases",
    "compared_positions",
    "compared_slices",
    "describe",
    "describe_labels",
    "describe_left_out",
    "fingerprint",
    "inference_items",
    "input_facts",
    "input_profile",
    "input_warnings",
    "label_warnings",
    "own_split",
    "require_held_out",
    "require_held_out_at_start",
    "require_labels",
    "require_unseen",
    "split_cases",
    "split_hash",
    "stored_facts",
    "supervised_cases",
    "warn_of_lost_masks",
    "with_identities",
    "without_label",
    "without_unlabeled_test",
]
