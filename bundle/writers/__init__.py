"""What a case or a run leaves on disk: whole files and whole folders, by rename."""

from bundle.writers.atomic_file import write_atomically
from bundle.writers.atomic_folder import folder_atomically
from bundle.writers.case_folder import case_folder
from bundle.writers.case_writer import write_case
from bundle.writers.csv_table import write_csv
from bundle.writers.exchange import exchange_paths
from bundle.writers.finished_cases import finished_cases
from bundle.writers.metrics_json import write_json
from bundle.writers.nifti import write_nifti
from bundle.writers.picture import write_picture
from bundle.writers.predictions import write_predictions
from bundle.writers.split_prediction import SplitPredictiond

__all__ = [
    "SplitPredictiond",
    "case_folder",
    "exchange_paths",
    "finished_cases",
    "folder_atomically",
    "write_atomically",
    "write_case",
    "write_csv",
    "write_json",
    "write_nifti",
    "write_picture",
    "write_predictions",
]
