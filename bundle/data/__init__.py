"""From files to batches: cases and their finders, splits by patient, checks, the slice store."""

from bundle.data.case_check import CaseRow, check_case
from bundle.data.case_names import complete_items
from bundle.data.cases import Case
from bundle.data.channel_files import ChannelFiles
from bundle.data.check_report import CheckReport
from bundle.data.checks import check_cases
from bundle.data.data_problems import DataProblems, raise_for_problems
from bundle.data.datalist import Datalist
from bundle.data.msd_datalist import DecathlonCases
from bundle.data.paired_volumes import PairedVolumes
from bundle.data.problem import Problem
from bundle.data.slice_images import SliceImages
from bundle.data.split import Split
from bundle.data.splits import split_cases

__all__ = [
    "Case",
    "CaseRow",
    "ChannelFiles",
    "CheckReport",
    "DataProblems",
    "Datalist",
    "DecathlonCases",
    "PairedVolumes",
    "Problem",
    "SliceImages",
    "Split",
    "check_case",
    "check_cases",
    "complete_items",
    "raise_for_problems",
    "split_cases",
]
