"""Doctests of the files that import MONAI Label wait until it is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("monailabel") else ["label_app.py", "studies.py", "archive.py"]
