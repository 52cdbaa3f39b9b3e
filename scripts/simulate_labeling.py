"""Simulate active learning on a labeled data set: patients labeled until the AUROC of all data is nearly reached.

A simulation that was killed goes on after its last whole round.

Example:
    python scripts/simulate_labeling.py configs/experiments/labeling_lgg.yaml --dataset_dir /data/lgg
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import Labeling, simulate_labeling


def main() -> None:
    """Simulate what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path, help="configs/experiments/labeling_<data>.yaml")
    parser.add_argument("--dataset_dir", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--output_dir", type=Path, default=Path("runs"), help="results go to <output_dir>/<plan>")
    parser.add_argument("--cache_dir", type=Path, default=Path("cache"), help="folder of the slice store")
    parser.add_argument("--seeds", type=int, nargs="+", help="only these; another process may run the others")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("bundle.experiments").setLevel(logging.INFO)
    try:
        plan = Labeling.read(arguments.plan)
        plan = dataclasses.replace(plan, seeds=arguments.seeds or plan.seeds)
        print(simulate_labeling(plan, arguments.dataset_dir, arguments.output_dir, arguments.cache_dir))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
