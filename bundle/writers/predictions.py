"""predictions.csv: what the classifier said about every slice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bundle.keys import IGNORED_LABEL
from bundle.metrics import Predictions
from bundle.writers.csv_table import write_csv

COLUMNS = ("case", "slice", "label", "probability", "patient", "site")


def write_predictions(path: str | os.PathLike[str], predictions: Predictions) -> Path:
    """Write one line per slice: case, slice, label (empty where unknown), probability, patient, site.

    With K classes `probability` is that of any class but background, and `probability_0` to `probability_<K-1>` follow.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> a, zero, half = np.array(["a"]), np.array([0]), np.array([0.5])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(write_predictions(Path(folder) / "p.csv", Predictions(a, a, a, zero, zero, half)).read_text())
        case,slice,label,probability,patient,site
        a,0,0,0.5,a,a
        <BLANKLINE>
    """
    each = predictions.probability
    each = each[:, None] if each.ndim == 1 else each  # (n, K)
    rows = []
    for i in range(len(predictions)):
        label = int(predictions.label[i])
        several = each[i] if each.shape[1] > 1 else []
        row: dict[str, Any] = {
            "case": predictions.case[i],
            "slice": int(predictions.slice_index[i]),
            "label": None if label == IGNORED_LABEL else label,
            "probability": 1 - float(each[i, 0]) if len(several) else each[i, 0],
            "patient": predictions.patient[i],
            "site": predictions.site[i],
        }
        rows.append(row | {f"probability_{k}": value for k, value in enumerate(several)})
    classes = [f"probability_{k}" for k in range(each.shape[1])] if each.shape[1] > 1 else []
    return write_csv(path, rows, [*COLUMNS, *classes])
