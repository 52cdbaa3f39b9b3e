"""Check and measure the project on a GPU in one run; print a table, write it with a log, whatever part fails.

Example:
    python scripts/gpu_check.py --output gpu_check --dataset_dir /data/lgg
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from benchmarks.gpu.check import LIMITS, Check
from benchmarks.gpu.packages import unmet


def main() -> None:
    """Run the parts that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"only these: {', '.join(LIMITS)}")
    parser.add_argument(
        "--output", type=Path, default=Path(os.environ.get("OUT", "gpu_check")), help="folder of results"
    )
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu to try the check itself")
    parser.add_argument("--quick", action="store_true", help="toy sizes: shows that all runs, its numbers mean nothing")
    parser.add_argument("--minutes", type=float, default=8.0, help="time for all parts (default: %(default)s)")
    parser.add_argument("--dataset_dir", type=Path, help="the LGG data set: train rows of Table 1 in the time left")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.parts) - LIMITS.keys()):
        parser.error(f"part must be one of {', '.join(LIMITS)}, got {', '.join(unknown)}")
    missing, others = unmet()
    if missing:
        sys.exit("error: " + missing)
    if others:
        print("warning: " + others, file=sys.stderr)
    folder = arguments.dataset_dir and str(arguments.dataset_dir.absolute())
    setting = {"device": arguments.device, "quick": arguments.quick, "dataset_dir": folder}
    check = Check(arguments.output, setting, arguments.minutes)
    for name in arguments.parts or [name for name in LIMITS if name != "table" or folder]:
        print(f"checking: {name}", file=sys.stderr, flush=True)
        check.run(name)
    print(check.table())
    if check.problems:
        sys.exit("error: " + "; ".join(check.problems))


if __name__ == "__main__":
    main()
