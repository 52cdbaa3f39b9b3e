"""Make the tables and figures of an experiment from its run folders: Markdown on the screen, files where asked.

Example:
    python scripts/make_tables.py configs/experiments/table1_lgg.yaml --output_dir runs --save docs/results/table1_lgg
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import Experiment, make_tables


def main() -> None:
    """Print the tables that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path, help="configs/experiments/<name>.yaml")
    parser.add_argument("--output_dir", type=Path, default=Path("runs"), help="where run_experiments.py put the runs")
    parser.add_argument("--n_resamples", type=int, default=2000, help="resamples of patients (default: %(default)s)")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="only these rows (default: all of the experiment)")
    parser.add_argument("--baseline", metavar="ROW", help="what the others are compared with (default: the first row)")
    parser.add_argument("--save", type=Path, help="folder for Markdown, CSV and, of a curve, PNG")
    parser.add_argument("--dataset_dir", type=Path, help="draw the maps of each row too, from these volumes")
    parser.add_argument("--records", type=Path, help="copy the runs' records there, without cases and local folders")
    arguments = parser.parse_args()
    if arguments.dataset_dir and not arguments.save:
        parser.error("--dataset_dir draws a picture: name its folder with --save")
    try:
        text = make_tables(
            Experiment.read(arguments.experiment).only(arguments.rows),
            arguments.output_dir,
            n_resamples=arguments.n_resamples,
            baseline=arguments.baseline,
            save=arguments.save,
            dataset_dir=arguments.dataset_dir,
            records=arguments.records,
        )
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"error: {error}")
    print(text)


if __name__ == "__main__":
    main()
