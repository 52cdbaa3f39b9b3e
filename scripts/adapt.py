"""Adapt an evaluated run to another hospital's scans, and tell what it gains; the weights stay as they are.

Example:
    python scripts/adapt.py runs/lgm_vit --dataset_dir SCANS --labels ten_scans.csv
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.adaptation import adapt


def main() -> None:
    """Adapt what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="output_dir of a run that was evaluated")
    parser.add_argument("--dataset_dir", required=True, help="the scans, laid out as those of the training")
    parser.add_argument("--labels", help="CSV case,slice_index,class; without it the labels beside the scans, if any")
    parser.add_argument("--output_dir", type=Path, help="default: RUN_FOLDER/adapted")
    parser.add_argument("--overlay", action="append", default=[], help="config file with what differs, as a finder")
    parser.add_argument("--position", action="store_true", help="also use the position of a slice in its scan")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        overlay = adapt(
            arguments.run,
            arguments.dataset_dir,
            arguments.output_dir or arguments.run / "adapted",
            arguments.labels,
            overlays=arguments.overlay,
            position=arguments.position,
        )
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print("Adapted. Give this file to scripts/pack_bundle.py by --overlay, or to an inference:", overlay, sep="\n")


if __name__ == "__main__":
    main()
