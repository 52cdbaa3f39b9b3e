"""Run every row of an experiment, some processes at a time; finished runs are kept, killed ones continue.

Example:
    python scripts/run_experiments.py configs/experiments/lgg_folds.yaml --dataset_dir /data/lgg
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import Experiment, RunQueue


def main() -> None:
    """Run the experiment that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path, help="configs/experiments/<name>.yaml")
    parser.add_argument("--dataset_dir", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--output_dir", type=Path, default=Path("runs"), help="runs go to <output_dir>/<name>/<row>")
    parser.add_argument("--cache_dir", type=Path, default=Path("cache"), help="folder of the slice store")
    parser.add_argument("--parallel", type=int, default=2, help="processes at a time, one thread each")
    arguments = parser.parse_args()
    settings = {"dataset_dir": str(arguments.dataset_dir.absolute()), "cache_dir": str(arguments.cache_dir.absolute())}
    runs = Experiment.read(arguments.experiment).runs(arguments.output_dir, settings)
    failed = RunQueue(runs, arguments.parallel)()
    if failed:
        sys.exit(f"{len(failed)} of {len(runs)} runs failed: " + ", ".join(run.name for run in failed))


if __name__ == "__main__":
    main()
