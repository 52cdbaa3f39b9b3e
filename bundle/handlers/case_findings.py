"""Files of a case's findings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bundle import keys
from bundle.files import write_json
from bundle.findings import finding_numbers
from bundle.volumes import write_nifti


def write_findings(folder: Path, case: Mapping[str, Any]) -> None:
    """Write `findings.json` and the label map `findings.nii.gz`; nothing where no finding was asked for.

    Args:
        folder: of the case.
        case: of `FindFindingsd`, its label map back on the source grid. The slice of the file in which the key slice
            lies is added as `key_source_slice`, where slices.csv names it.
    """
    if keys.FINDINGS not in case:
        return
    content, labels, rows = case[keys.FINDINGS], case[keys.FINDING_LABELS], case[keys.RESULT]["slices"]
    found = [
        {**finding, "key_source_slice": rows[finding["key_slice"]].get("source_slice")}
        for finding in content["findings"]
    ]
    write_json(folder / "findings.json", {"case": str(case[keys.CASE]), **content, "findings": found})
    write_nifti(
        folder / "findings.nii.gz",
        finding_numbers(labels),
        np.asarray(labels.affine),
        description="0: none; else the number of the finding in findings.json",
        is_label_map=True,
    )
