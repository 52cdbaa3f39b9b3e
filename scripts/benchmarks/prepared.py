"""One study prepared, and its results written, in a process of its own: seconds of the processor, and peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bundle.dicom import Model, Reading, Stack, find_stacks, prepare_study, read_headers


def _reading(stack: Stack) -> Reading:
    """Return an answer with one finding in a tenth of the slices."""
    columns, rows, count = stack.shape
    first, last = count // 2, count // 2 + max(1, count // 10)
    ramp = np.linspace(0, 1, columns, dtype=np.float32)[:, None, None]
    labels, probability = np.zeros(stack.shape, np.int32), np.full((count, 1), 0.1)
    labels[columns // 4 : columns // 2, rows // 4 : rows // 2, first:last], probability[first:last] = 1, 0.9
    finding: dict[str, Any] = {"finding": 1, "score": 0.8, "probability": 0.9, "key_source_slice": first}
    finding |= {"volume_mm3": 1000.0, "volume_ml": 1.0, "extent_mm": [10.0, 10.0, 10.0], "diameter_mm": 15.0}
    finding["centroid_ras_mm"] = [0.0, 0.0, 0.0]
    return Reading(
        stack,
        Model("benchmark", "0", "0" * 64),
        ("object",),
        probability,
        threshold=(0.5,),
        volume_probability=(0.9,),
        volume_threshold=(0.5,),
        threshold_source="none",
        attribution=np.ascontiguousarray(np.broadcast_to(ramp, stack.shape)),
        labels=labels,
        findings=[finding],
    )


def _written(study: str, output: Path) -> float | None:
    """Return the seconds of report and objects of a prepared study; None without highdicom."""
    try:
        from bundle.dicom.objects import write_objects
    except ImportError:
        return None
    import nibabel as nib

    from bundle.reports import key_slice_picture, write_study_report

    [stack], _ = find_stacks(read_headers(Path(study)))
    reading, [volume] = _reading(stack), list(output.rglob("volume.nii"))
    start = time.process_time()
    images = np.asanyarray(nib.load(volume).dataobj)
    key = reading.findings[0]["key_source_slice"]
    write_objects(reading, output / "dicom", {key: key_slice_picture(reading, images, key)})
    write_study_report(output / "report.html", reading, images, {"case": "benchmark"}, {})
    return time.process_time() - start


def _mib(line: str) -> float:
    """Return an entry of the memory of this process, such as its peak, `VmHWM`."""
    entries = dict(each.split(":", 1) for each in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(entries[line].split()[0]) / 1024


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak is counted from here on
    before = _mib("VmRSS")
    start = resource.getrusage(resource.RUSAGE_SELF)
    prepare_study(asked["study"], asked["output"], asked["key"])
    end = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "seconds": end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime,
        "import_seconds": start.ru_utime + start.ru_stime,
        "mib": _mib("VmHWM") - before,
        "results_seconds": _written(asked["study"], Path(asked["output"])),
    }
    print(json.dumps(found))
