"""Write a data set of phantoms: brain-like MR of four sites with lesions and a burned-in marker.

At the sites A, B and C the marker goes with the label, at site D it does not.

Example:
    python scripts/make_phantoms.py demo/phantoms --cases 40
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # from any folder, without an installed package

from bundle.phantoms import make_phantoms


def main() -> None:
    """Write what the command line asks for; finished cases are kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="folder of the data set, new or of a killed run")
    parser.add_argument("--cases", type=int, default=40, help="number of scans (default: %(default)s)")
    parser.add_argument(
        "--shape",
        type=int,
        nargs=3,
        default=(96, 96, 24),
        metavar="N",
        help="rows, columns, slices (default: 96 96 24)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default: %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    arguments = parser.parse_args()
    try:
        root = make_phantoms(
            arguments.root, arguments.cases, tuple(arguments.shape), arguments.seed, progress=not arguments.quiet
        )
    except (ValueError, FileExistsError) as error:
        sys.exit(f"error: {error}")
    print(f"{arguments.cases} phantoms in {root}")


if __name__ == "__main__":
    main()
