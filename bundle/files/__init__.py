"""Files and folders: written by rename, read whole."""

from bundle.files.atomic_file import is_no_space, write_atomically
from bundle.files.atomic_folder import discard_folder, folder_atomically, remove_parts, remove_stale_parts
from bundle.files.content import content_checksum, content_hash, content_sample
from bundle.files.csv_files import read_csv, write_csv
from bundle.files.installation import bundle_root
from bundle.files.json_files import as_json_values, read_json, write_json

__all__ = [
    "as_json_values",
    "bundle_root",
    "content_checksum",
    "content_hash",
    "content_sample",
    "discard_folder",
    "folder_atomically",
    "is_no_space",
    "read_csv",
    "read_json",
    "remove_parts",
    "remove_stale_parts",
    "write_atomically",
    "write_csv",
    "write_json",
]
