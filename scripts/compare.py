"""Compare evaluated runs: scores with intervals, paired differences to the first run, and their maps side by side.

Example:
    python scripts/compare.py runs/plain runs/guided
    python scripts/compare.py "plain ViT=runs/a" LGM-ViT=runs/b --output_dir comparison
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import compare_runs, named_runs


def main() -> None:
    """Print the tables of the runs that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of an evaluated run, or NAME=FOLDER")
    parser.add_argument(
        "--output_dir", type=Path, help="where the files go (default: 'comparison' beside the first run)"
    )
    parser.add_argument("--n_resamples", type=int, default=2000, help="resamples of patients (default: %(default)s)")
    parser.add_argument("--dataset_dir", type=Path, help="volumes of maps.png (default: those of the first run)")
    arguments = parser.parse_args()
    try:
        runs = named_runs(arguments.runs)
        output_dir = arguments.output_dir or next(iter(runs.values())).absolute().parent / "comparison"
        text = compare_runs(runs, output_dir, n_resamples=arguments.n_resamples, dataset_dir=arguments.dataset_dir)
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))
    print(f"{text}\n\nTables and pictures are in {output_dir}.")


if __name__ == "__main__":
    main()
