"""Choose the rule of a run's findings on its validation patients, and score their detection on its test patients.

Example:
    python scripts/score_findings.py runs/lgm_vit --dataset_dir DATA
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.detection import score_findings


def main() -> None:
    """Score what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="output_dir of a run that was evaluated")
    parser.add_argument("--dataset_dir", required=True, help="its data set, with masks")
    parser.add_argument("--output_dir", type=Path, help="default: RUN_FOLDER, from where packing takes the rule")
    parser.add_argument("--bootstrap_draws", type=int, default=1000, help="resamples of the patients for intervals")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        written = score_findings(arguments.run, arguments.dataset_dir, arguments.output_dir, arguments.bootstrap_draws)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print("Scored. The rule and all scores are in", written, sep="\n")


if __name__ == "__main__":
    main()
