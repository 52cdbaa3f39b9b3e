"""Read a folder of DICOM studies with a packed bundle: findings, a report for people, and objects that a PACS takes.

Exit status: 0 every study was read; 1 a study failed; 3 nothing in the folder can be read; 4 a study holds no series,
or several, that the network reads, and none failed; 130 it was ended by ctrl-C.

Example:
    python scripts/read_study.py STUDY --bundle lgm_vit --output_dir results --key_file ~/lgm_vit.key
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.console.study_command import run_on_studies

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Read what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", metavar="STUDY", help="folder with DICOM files, at any depth and under any names")
    parser.add_argument("--output_dir", type=Path, required=True, help="where a folder per study goes")
    parser.add_argument(
        "--bundle", type=Path, default=ROOT, help="unpacked bundle; the folder of this script if left out"
    )
    parser.add_argument("--series", nargs="+", help="Series Numbers that may be read")
    parser.add_argument(
        "--contrasts", type=Path, help="rules by which series become channels; default: MR of the brain"
    )
    parser.add_argument("--device", help="as in cpu or cuda:0")
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument("--key_file", type=Path, help="key that names cases; made on first use, KEY_FILE.names.csv too")
    named.add_argument("--identify", action="store_true", help="name cases by patient and study instead")
    return run_on_studies(lambda: _read(parser.parse_args()))


def _read(given: argparse.Namespace) -> int:
    from bundle.clinic import Selection, StudyNetwork, exit_status, read_studies
    from bundle.dicom.contrasts import RULES, read_rules

    network = StudyNetwork(given.bundle, given.device)
    selection = Selection(given.series, read_rules(given.contrasts or RULES), may_show_names=given.identify)
    return exit_status(read_studies(given.study, given.output_dir, network, given.key_file, selection, _tell))


def _tell(outcome: Any) -> None:
    print(outcome.text, file=sys.stdout if outcome.outcome == "read" else sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
