"""A table is rows of overlays, repeated over folds or seeds; each run is a process of its own."""

from bundle.experiments.bundle_run import BundleRun
from bundle.experiments.changed_settings import changed_settings
from bundle.experiments.chosen_slices import RULE, chosen_slices
from bundle.experiments.command_overrides import command_overrides
from bundle.experiments.copy_records import copy_records
from bundle.experiments.demo_report import demo_report, most_positive_case
from bundle.experiments.experiment import Experiment
from bundle.experiments.grid_search import grid_search
from bundle.experiments.inference_run import run_inference
from bundle.experiments.knob import Knob
from bundle.experiments.map_grid import map_grid
from bundle.experiments.process_group import ProcessGroup
from bundle.experiments.published import published_scores
from bundle.experiments.results_table import ResultsTable
from bundle.experiments.run_experiment import run_experiment
from bundle.experiments.run_queue import RunQueue
from bundle.experiments.runs_table import runs_table
from bundle.experiments.sampled_search import sampled_search
from bundle.experiments.search import Search
from bundle.experiments.search_report import search_report
from bundle.experiments.time_left import TimeLeft
from bundle.experiments.validation_scores import validation_scores
from bundle.experiments.validation_table import validation_table

__all__ = [
    "RULE",
    "BundleRun",
    "Experiment",
    "Knob",
    "ProcessGroup",
    "ResultsTable",
    "RunQueue",
    "Search",
    "TimeLeft",
    "changed_settings",
    "chosen_slices",
    "command_overrides",
    "copy_records",
    "demo_report",
    "grid_search",
    "map_grid",
    "most_positive_case",
    "published_scores",
    "run_experiment",
    "run_inference",
    "runs_table",
    "sampled_search",
    "search_report",
    "validation_scores",
    "validation_table",
]
