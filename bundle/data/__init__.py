"""From files to batches: cases and their finders, splits by patient, checks, the slice store."""

from bundle.data.balanced_order import BalancedOrder
from bundle.data.batch_order import BatchOrder
from bundle.data.batching import SliceBatchSampler
from bundle.data.case_check import CaseRow, check_case
from bundle.data.case_names import complete_items
from bundle.data.case_stream import CaseStream
from bundle.data.cases import Case
from bundle.data.channel_files import ChannelFiles
from bundle.data.check_report import CheckReport
from bundle.data.checks import check_cases
from bundle.data.data_problems import DataProblems, raise_for_problems
from bundle.data.datalist import Datalist
from bundle.data.describe import describe
from bundle.data.fingerprint import fingerprint
from bundle.data.inference_items import inference_items
from bundle.data.msd_datalist import DecathlonCases
from bundle.data.paired_volumes import PairedVolumes
from bundle.data.problem import Problem
from bundle.data.scan_order import ScanOrder
from bundle.data.sequential_order import SequentialOrder
from bundle.data.shuffle_order import ShuffleOrder
from bundle.data.slice_augmentation import SliceAugmentation
from bundle.data.slice_dataset import SliceDataset
from bundle.data.slice_dtype import SliceDtype
from bundle.data.slice_images import SliceImages
from bundle.data.slice_index import SliceIndex
from bundle.data.slice_loader import SliceDataLoader
from bundle.data.slice_store import SliceStore
from bundle.data.split import Split
from bundle.data.split_hash import split_hash
from bundle.data.splits import split_cases
from bundle.data.supervised_cases import supervised_cases

__all__ = [
    "BalancedOrder",
    "BatchOrder",
    "Case",
    "CaseRow",
    "CaseStream",
    "ChannelFiles",
    "CheckReport",
    "DataProblems",
    "Datalist",
    "DecathlonCases",
    "PairedVolumes",
    "Problem",
    "ScanOrder",
    "SequentialOrder",
    "ShuffleOrder",
    "SliceAugmentation",
    "SliceBatchSampler",
    "SliceDataLoader",
    "SliceDataset",
    "SliceDtype",
    "SliceImages",
    "SliceIndex",
    "SliceStore",
    "Split",
    "check_case",
    "check_cases",
    "complete_items",
    "describe",
    "fingerprint",
    "inference_items",
    "raise_for_problems",
    "split_cases",
    "split_hash",
    "supervised_cases",
]
