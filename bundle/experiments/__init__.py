"""A table is rows of overlays, repeated over folds or seeds; each run is a process of its own."""

from bundle.experiments.bundle_run import BundleRun
from bundle.experiments.changed_settings import changed_settings
from bundle.experiments.demo_report import demo_report, most_positive_case
from bundle.experiments.experiment import Experiment
from bundle.experiments.inference_run import run_inference
from bundle.experiments.process_group import ProcessGroup
from bundle.experiments.published import published_scores
from bundle.experiments.results_table import ResultsTable
from bundle.experiments.run_experiment import run_experiment
from bundle.experiments.run_queue import RunQueue
from bundle.experiments.time_left import TimeLeft

__all__ = [
    "BundleRun",
    "Experiment",
    "ProcessGroup",
    "ResultsTable",
    "RunQueue",
    "TimeLeft",
    "changed_settings",
    "demo_report",
    "most_positive_case",
    "published_scores",
    "run_experiment",
    "run_inference",
]
