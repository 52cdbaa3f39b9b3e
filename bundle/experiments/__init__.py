"""Experiments: tables of rows and repeats, whose runs are processes of their own, and searches."""

from bundle.experiments.changed_since_start import changed_since_start
from bundle.experiments.compare_runs import compare_runs, named_runs
from bundle.experiments.demo_report import demo_report, most_positive_case
from bundle.experiments.experiment import Experiment
from bundle.experiments.export_run_records import export_run_records
from bundle.experiments.figures import RULE, chosen_slices, map_grid
from bundle.experiments.labeling import Labeling
from bundle.experiments.make_tables import make_tables, tables_markdown
from bundle.experiments.overrides import command_overrides
from bundle.experiments.process_group import ProcessGroup
from bundle.experiments.published_scores import published_scores
from bundle.experiments.queue import RunQueue, TimeLeft
from bundle.experiments.records_table import records_tables
from bundle.experiments.results_table import ResultsTable
from bundle.experiments.run import BundleRun, run_inference
from bundle.experiments.run_experiment import run_experiment
from bundle.experiments.sampled_search import run_search, sampled_search
from bundle.experiments.search import Search, grid_search, search_report
from bundle.experiments.searched_knob import SearchedKnob
from bundle.experiments.simulate_labeling import simulate_labeling
from bundle.experiments.validation import runs_table, summary_table, validation_scores, validation_table

__all__ = [
    "RULE",
    "BundleRun",
    "Experiment",
    "Labeling",
    "ProcessGroup",
    "ResultsTable",
    "RunQueue",
    "Search",
    "SearchedKnob",
    "TimeLeft",
    "changed_since_start",
    "chosen_slices",
    "command_overrides",
    "compare_runs",
    "demo_report",
    "export_run_records",
    "grid_search",
    "make_tables",
    "map_grid",
    "most_positive_case",
    "named_runs",
    "published_scores",
    "records_tables",
    "run_experiment",
    "run_inference",
    "run_search",
    "runs_table",
    "sampled_search",
    "search_report",
    "simulate_labeling",
    "summary_table",
    "tables_markdown",
    "validation_scores",
    "validation_table",
]
