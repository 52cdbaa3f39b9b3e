"""From files to batches: cases and their finders, splits by patient, checks, the slice store."""

from bundle.data.case_names import complete_items
from bundle.data.cases import Case
from bundle.data.channel_files import ChannelFiles
from bundle.data.datalist import Datalist
from bundle.data.msd_datalist import DecathlonCases
from bundle.data.paired_volumes import PairedVolumes
from bundle.data.slice_images import SliceImages
from bundle.data.split import Split
from bundle.data.splits import split_cases

__all__ = [
    "Case",
    "ChannelFiles",
    "Datalist",
    "DecathlonCases",
    "PairedVolumes",
    "SliceImages",
    "Split",
    "complete_items",
    "split_cases",
]
