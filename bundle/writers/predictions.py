"""predictions.csv: what the classifier said about every slice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bundle.keys import IGNORED_LABEL
from bundle.metrics import Predictions
from bundle.writers.csv_table import write_csv


def write_predictions(path: str | os.PathLike[str], predictions: Predictions) -> Path:
    """Write one line per slice: case, slice, label (empty where unknown), probability, patient, site.

    With K classes `probability` is that of any class but background, and `probability_0` to `probability_<K-1>` follow.
    Where there are any, the position baseline (`position_only`), the map scores (`map_...`) and the centre prior's
    (`prior_...`) follow, so that runs can be pooled and paired slice by slice; a curve (n, T) must be cut before.

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
    columns = {name: column for name, column in named_columns(predictions).items() if column is not None}
    rows = [{name: column[i] for name, column in columns.items()} for i in range(len(predictions))]
    return write_csv(path, rows, list(columns))


def named_columns(predictions: Predictions) -> dict[str, Any]:
    """Return header -> (n,) column, or None where there is none."""
    each = predictions.probability
    each = each[:, None] if each.ndim == 1 else each  # (n, K)
    classes = {f"probability_{k}": each[:, k] for k in range(each.shape[1])} if each.shape[1] > 1 else {}
    return {
        "case": predictions.case,
        "slice": predictions.slice_index,
        "label": [None if label == IGNORED_LABEL else int(label) for label in predictions.label],
        "probability": 1 - each[:, 0] if classes else each[:, 0],
        "patient": predictions.patient,
        "site": predictions.site,
        **classes,
        "position_only": predictions.position_only,
        **{f"map_{name}": column for name, column in predictions.map_scores.items()},
        **{f"prior_{name}": column for name, column in predictions.prior_map_scores.items()},
    }
