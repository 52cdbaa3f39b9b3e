"""One study prepared in a process of its own: seconds of the processor, and peak memory."""

from __future__ import annotations

import json
import resource
import sys

from bundle.dicom import prepare_study

if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    start = resource.getrusage(resource.RUSAGE_SELF)
    prepare_study(asked["study"], asked["output"], asked["key"])
    end = resource.getrusage(resource.RUSAGE_SELF)
    seconds = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
    before, after = start.ru_maxrss / 1024, end.ru_maxrss / 1024
    print(
        json.dumps(
            {"seconds": seconds, "import_seconds": start.ru_utime + start.ru_stime, "mib": max(after - before, 0.001)}
        )
    )
