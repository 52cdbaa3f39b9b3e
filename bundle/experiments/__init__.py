"""A table is rows of overlays, repeated over folds or seeds; each run is a process of its own."""

from bundle.experiments.bundle_run import BundleRun
from bundle.experiments.demo_report import demo_report, most_positive_case
from bundle.experiments.experiment import Experiment
from bundle.experiments.inference_run import run_inference
from bundle.experiments.results_table import ResultsTable
from bundle.experiments.run_queue import RunQueue

__all__ = ["BundleRun", "Experiment", "ResultsTable", "RunQueue", "demo_report", "most_positive_case", "run_inference"]
