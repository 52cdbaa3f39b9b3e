"""A table is rows of overlays, repeated over folds or seeds; each run is a process of its own."""

from bundle.experiments.changed_since_start import changed_since_start
from bundle.experiments.demo_report import demo_report, most_positive_case
from bundle.experiments.experiment import Experiment
from bundle.experiments.export_run_records import copy_records
from bundle.experiments.figures import RULE, chosen_slices, map_grid
from bundle.experiments.knob import Knob
from bundle.experiments.overrides import command_overrides
from bundle.experiments.process_group import ProcessGroup
from bundle.experiments.queue import RunQueue, TimeLeft
from bundle.experiments.results_table import ResultsTable, published_scores
from bundle.experiments.run import BundleRun, run_inference
from bundle.experiments.run_experiment import run_experiment
from bundle.experiments.sampled_search import sampled_search
from bundle.experiments.search import Search, grid_search, search_report
from bundle.experiments.validation import runs_table, validation_scores, validation_table

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
    "changed_since_start",
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
