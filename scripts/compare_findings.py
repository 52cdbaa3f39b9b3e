"""Compare how well methods detect lesions: a table and the FROC curves of runs that `score_findings.py` scored.

Example:
    python scripts/compare_findings.py --output_dir results --method recommended runs/a/DU runs/a/CS \
        --method U-Net runs/b/DU runs/b/CS
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.detection import compare_findings


def main() -> None:
    """Compare what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--method",
        nargs="+",
        action="append",
        required=True,
        metavar=("NAME", "RUN_FOLDER"),
        help="name of a row and its runs, each scored alone and averaged; the first method is compared with the others",
    )
    parser.add_argument("--output_dir", type=Path, required=True, help="gets detection.md and froc.png")
    parser.add_argument("--bootstrap_draws", type=int, default=1000, help="resamples of the patients for intervals")
    arguments = parser.parse_args()
    methods = {name: folders for name, *folders in arguments.method}
    try:
        written = compare_findings(methods, arguments.output_dir, arguments.bootstrap_draws)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print("Compared. The table is in", written, sep="\n")


if __name__ == "__main__":
    main()
