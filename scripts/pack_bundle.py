"""Make the archive of a trained run: configs, weights, docs, code, licence and a sha256 list, ready for others.

Example:
    python scripts/pack_bundle.py runs/lgm_vit lgm_vit.zip
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.packing import pack_bundle


def main() -> None:
    """Pack what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="output_dir of a training")
    parser.add_argument("archive", type=Path, metavar="OUT.zip", help="archive to write")
    parser.add_argument(
        "--overlay", type=Path, help="adapted.yaml by scripts/adapt.py: thresholds for another hospital"
    )
    arguments = parser.parse_args()
    try:
        archive = pack_bundle(arguments.run, arguments.archive, overlay=arguments.overlay)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print("Packed. Unpack it; docs/README.md in it has the commands for inference and export:", archive, sep="\n")


if __name__ == "__main__":
    main()
