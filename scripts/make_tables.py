"""Make the tables of an experiment from its run folders: Markdown on the screen, CSV where asked.

Example:
    python scripts/make_tables.py configs/experiments/table1_lgg.yaml --output_dir runs --csv tables
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import Experiment, ResultsTable


def main() -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path, help="configs/experiments/<name>.yaml")
    parser.add_argument("--output_dir", type=Path, default=Path("runs"), help="where run_experiments.py put the runs")
    parser.add_argument("--draws", type=int, default=2000, help="resamplings of the patients (default: %(default)s)")
    parser.add_argument("--csv", type=Path, help="folder for the tables as CSV")
    arguments = parser.parse_args()
    experiment = Experiment.read(arguments.experiment)
    folder = arguments.output_dir / experiment.name
    rows = {row: [folder / row / repeat for repeat in experiment.repeats] for row in experiment.rows}
    try:
        results = ResultsTable(rows, arguments.draws)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    tables = {
        "mean and standard deviation over runs": results.over_runs(),
        "all runs pooled, 95 percent intervals from resampling patients": results.pooled_scores(),
        f"difference to {results.baseline}, paired by patient, p-values after Holm": results.differences(),
    }
    for title, table in tables.items():
        print(f"\n{title[0].upper()}{title[1:]}\n\n{table.markdown()}")
        if arguments.csv:
            arguments.csv.mkdir(parents=True, exist_ok=True)
            (arguments.csv / f"{title.split(',')[0].replace(' ', '_')}.csv").write_text(table.csv(), encoding="utf-8")


if __name__ == "__main__":
    main()
