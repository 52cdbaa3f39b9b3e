"""Make the tables of an experiment from committed run records, which have metrics.json but no predictions.

Rows are means and standard deviations over runs, and gains over a baseline, run by run.

Example:
    python scripts/tabulate_records.py configs/experiments/beyond_lgg.yaml docs/results --save beyond_lgg.md
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import Experiment, records_tables, tables_markdown
from bundle.files import write_atomically


def main() -> None:
    """Print the tables that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path, help="configs/experiments/<name>.yaml")
    parser.add_argument("records", type=Path, help="folder of the records, <records>/<folder>/<row>/<repeat>")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="only these rows (default: all of the experiment)")
    parser.add_argument("--baseline", metavar="ROW", help="what the others are compared with (default: the first row)")
    parser.add_argument("--save", type=Path, help="Markdown file to write")
    arguments = parser.parse_args()
    try:
        experiment = Experiment.read(arguments.experiment).only(arguments.rows)
        text = tables_markdown(records_tables(experiment.folders(arguments.records), arguments.baseline))
        if arguments.save:
            write_atomically(arguments.save, lambda part: part.write_text(f"{text}\n", encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(text)


if __name__ == "__main__":
    main()
