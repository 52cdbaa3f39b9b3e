r"""Search knobs of one row of an experiment on validation patients; the test set has no part in it.

Without --trials every combination of the values is trained. With --trials Optuna chooses (pip install optuna); the
same command in several processes shares a search, and continues a killed one. Any other `--id value` is an override
of every trial, as in `python -m monai.bundle run`.

Example:
    python scripts/search.py configs/experiments/table1_lgg.yaml lgmvit fold0 --dataset_dir /data/lgg \
        --knob localization_weight=10,100,1000 --knob beta=0.85,0.95 --max_epochs 10
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import Experiment, Search, SearchedKnob, command_overrides, run_search


def main() -> None:
    """Run the search that the command line describes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("experiment", type=Path, help="configs/experiments/<name>.yaml")
    parser.add_argument("row", help="the method that is tuned")
    parser.add_argument("repeat", help="the fold or seed it is tuned on")
    parser.add_argument("--knob", action="append", required=True, help="NAME (its grid), NAME=1,10 or NAME=LOW..HIGH")
    parser.add_argument("--dataset_dir", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--output_dir", type=Path, default=Path("search"), help="trials, trials.csv and winner.yaml")
    parser.add_argument("--cache_dir", type=Path, default=Path("cache"), help="folder of the slice store")
    parser.add_argument("--parallel", type=int, default=2, help="processes at a time of a grid, one thread each")
    parser.add_argument("--trials", type=int, help="let Optuna choose so many")
    parser.add_argument("--sampler_seed", type=int, help="of Optuna; another one for each process")
    arguments, others = parser.parse_known_args()
    folders = {name: str(getattr(arguments, name).absolute()) for name in ("dataset_dir", "cache_dir")}
    try:
        experiment = Experiment.read(arguments.experiment)
        knobs = [SearchedKnob.parse(knob) for knob in arguments.knob]
        settings = {**command_overrides(others), **folders}
        search = Search(experiment, arguments.row, arguments.repeat, knobs, arguments.output_dir, settings)
        text, failed = run_search(search, arguments.trials, arguments.sampler_seed, arguments.parallel)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("error: ended by ctrl-C; the same command continues")
    print(text)
    if failed:
        sys.exit(f"error: {len(failed)} trials failed: " + ", ".join(run.name for run in failed))


if __name__ == "__main__":
    main()
