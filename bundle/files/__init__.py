"""Files and folders, written by rename, read whole."""

from bundle.files.atomic_file import write_atomically
from bundle.files.atomic_folder import discard, exchange_paths, folder_atomically, remove_stale, staging_folder
from bundle.files.csv_files import read_csv, write_csv
from bundle.files.json_files import read_json, write_json

__all__ = [
    "discard",
    "exchange_paths",
    "folder_atomically",
    "read_csv",
    "read_json",
    "remove_stale",
    "staging_folder",
    "write_atomically",
    "write_csv",
    "write_json",
]
