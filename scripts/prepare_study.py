"""Make of a folder with DICOM studies volume files, tables of their slices, and an account of what was left out.

Example:
    python scripts/prepare_study.py EXPORT --output_dir prepared --key_file ~/lgm_vit_key

Exit status: 0 if a volume was read, 1 on an error, 3 if nothing in the folder can be read, 130 if ended by ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.console.study_command import run_on_studies


def main() -> int:
    """Prepare what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", metavar="STUDY", help="folder with DICOM files, at any depth and under any names")
    parser.add_argument("--output_dir", type=Path, required=True, help="where a folder per study goes")
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument("--key_file", type=Path, help="key that names cases; made on first use, KEY_FILE.names.csv too")
    named.add_argument("--identify", action="store_true", help="name cases by patient and study instead")
    parser.add_argument("--contrasts", type=Path, help="rules by which series become channels, on one grid")
    parser.add_argument("--spacing", type=float, help="size of the voxels of that grid in mm; default: as scanned")
    parser.add_argument("--mask", help="file of a mask that was drawn on one of the contrasts, for that grid")
    parser.add_argument("--mask_contrast", help="the contrast that it was drawn on; default: the first with its grid")
    return run_on_studies(lambda: _prepare(parser.parse_args()))


def _prepare(given: argparse.Namespace) -> int:
    from bundle.dicom import prepare_study

    channels = {name: getattr(given, name) for name in ("contrasts", "spacing", "mask", "mask_contrast")}
    cases = prepare_study(given.study, given.output_dir, given.key_file, **channels)
    print(*(case.text for case in cases), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
