"""Run every row of an experiment, some processes at a time; finished runs are kept, killed ones continue.

Any other `--id value` is an override of every run, as in `python -m monai.bundle run`.

Example:
    python scripts/run_experiments.py configs/experiments/table1_lgg.yaml --dataset_dir /data/lgg --max_epochs 10
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import Experiment, command_overrides, run_experiment


def main() -> None:
    """Run the experiment that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("experiment", type=Path, help="configs/experiments/<name>.yaml")
    parser.add_argument("--dataset_dir", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--output_dir", type=Path, default=Path("runs"), help="runs go to <output_dir>/<folder>/<row>")
    parser.add_argument("--cache_dir", type=Path, default=Path("cache"), help="folder of the slice store")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="run these rows alone")
    parser.add_argument("--parallel", type=int, default=2, help="processes at a time, one thread each")
    parser.add_argument("--only", default="1/1", metavar="i/n", help="the i-th of n shares of the runs, from 1 on")
    arguments, others = parser.parse_known_args()
    folders = {"dataset_dir": str(arguments.dataset_dir.absolute()), "cache_dir": str(arguments.cache_dir.absolute())}
    try:
        failed = run_experiment(
            Experiment.read(arguments.experiment).only(arguments.rows),
            arguments.output_dir,
            {**command_overrides(others), **folders},
            only=arguments.only,
            parallel=arguments.parallel,
        )
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("error: ended by ctrl-C; the same command continues")
    if failed:
        sys.exit(f"error: {len(failed)} runs failed: " + ", ".join(run.name for run in failed))


if __name__ == "__main__":
    main()
