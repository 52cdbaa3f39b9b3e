"""Methods are compared on the same scans, their runs averaged."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bundle.detection import compare_findings

COLUMNS = ["method", "case", "patient", "score", "is_lesion", "iou"]


def scored(folder, *rows, cases=("a", "b", "c")):
    """A run whose findings were scored; every scan without a row has neither a lesion nor a finding."""
    folder.mkdir(parents=True)
    filled = [("center prior", case, f"patient {case}", 0.1, True, 0.2) for case in cases]
    rows = [("findings", case, f"patient {case}", *values) for case, *values in rows]
    rows += [("findings", case, f"patient {case}", np.nan, False, 0) for case in set(cases) - {row[1] for row in rows}]
    pd.DataFrame([*rows, *filled], columns=COLUMNS).astype({"is_lesion": int}).to_csv(
        folder / "findings.csv", index=False
    )
    return folder


def test_runs_are_averaged_and_compared(tmp_path):
    good = [scored(tmp_path / "good", ("a", 0.9, True, 0.5), ("b", 0.8, True, 0.4))]
    bad = [scored(tmp_path / "bad", ("a", 0.0, True, 0.0), ("b", 0.8, True, 0.4), ("c", 0.9, False, 0.0))]
    good.append(scored(tmp_path / "good2", ("d", 0.7, True, 0.3), cases=("d", "e")))
    bad.append(scored(tmp_path / "bad2", ("d", 0.7, True, 0.3), cases=("d", "e")))
    text = compare_findings({"good": good, "bad": bad}, tmp_path / "out", n_resamples=20).read_text()
    assert "5 scans of 5 patients, 3 lesions." in text
    lines = {line.split("|")[1].strip(): line.split("|")[2:] for line in text.splitlines() if line.startswith("| ")}
    assert lines["good"][0].strip().startswith("1.000")
    # first run, 3 scans: a false finding, a hit, a missed lesion, so 1/2 of 1/2; second run, 2 scans: 1
    assert lines["bad"][0].strip().startswith("0.550")
    assert lines["bad"][4].strip().startswith("0.200")
    assert lines["good - bad"][0].strip().startswith("0.450")
    assert set(lines) >= {"center prior", "good - center prior"}
    assert Image.open(tmp_path / "out" / "froc.png").size[0] > 100


def test_other_scans_are_refused(tmp_path):
    one, other = scored(tmp_path / "one"), scored(tmp_path / "other", cases=("a", "b"))
    with pytest.raises(ValueError, match="b must be scored on the test scans of a, got others"):
        compare_findings({"a": [one], "b": [other]}, tmp_path)


def test_a_table_of_before_is_refused(tmp_path):
    folder = scored(tmp_path / "run")
    pd.read_csv(folder / "findings.csv").drop(columns="method").to_csv(folder / "findings.csv", index=False)
    with pytest.raises(ValueError, match="must have a column method, got none"):
        compare_findings({"a": [folder]}, tmp_path)
