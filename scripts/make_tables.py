"""Make the tables and figures of an experiment from its run folders: Markdown on the screen, files where asked.

Example:
    python scripts/make_tables.py configs/experiments/table1_lgg.yaml --output_dir runs --save results
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import RULE, Experiment, ResultsTable, copy_records, map_grid, runs_table, validation_table
from bundle.reports import write_picture


def main() -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path, help="configs/experiments/<name>.yaml")
    parser.add_argument("--output_dir", type=Path, default=Path("runs"), help="where run_experiments.py put the runs")
    parser.add_argument("--draws", type=int, default=2000, help="resamplings of the patients (default: %(default)s)")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="only these rows (default: all of the experiment)")
    parser.add_argument("--baseline", metavar="ROW", help="what the others are compared with (default: the first row)")
    parser.add_argument("--save", type=Path, help="folder for Markdown, CSV and, of a curve, PNG")
    parser.add_argument("--dataset_dir", type=Path, help="draw where each method looks too, from these volumes")
    parser.add_argument("--records", type=Path, help="copy the runs' records there, without cases and local folders")
    arguments = parser.parse_args()
    if arguments.dataset_dir and not arguments.save:
        parser.error("--dataset_dir draws a picture: say with --save where it goes")
    try:
        experiment = Experiment.read(arguments.experiment).only(arguments.rows)
        folders = experiment.folders(arguments.output_dir)
        results = ResultsTable(folders, arguments.draws, published=experiment.published, baseline=arguments.baseline)
        validation = validation_table(folders, arguments.baseline)
        tables = {**results.tables(), "on validation": validation, "every run": runs_table(folders)}
        text = "\n\n".join(f"{title[0].upper()}{title[1:]}\n\n{table.markdown()}" for title, table in tables.items())
        print(text)
        if arguments.records:
            copy_records(
                [folder for row in folders.values() for folder in row], arguments.output_dir, arguments.records
            )
        if not arguments.save:
            return
        arguments.save.mkdir(parents=True, exist_ok=True)
        (arguments.save / "tables.md").write_text(text + "\n", encoding="utf-8")
        for title, table in tables.items():
            name = title.split(",")[0].replace(" ", "_")
            (arguments.save / f"{name}.csv").write_text(table.csv(), encoding="utf-8")
        if experiment.shares:
            write_picture(arguments.save / "curve.png", results.curve(experiment.shares))
        if arguments.dataset_dir:
            picture = map_grid(experiment, arguments.output_dir, arguments.dataset_dir)
            print(f"\nmaps.png shows {RULE}: {write_picture(arguments.save / 'maps.png', picture)}")
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
