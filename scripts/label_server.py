"""Serve a packed bundle to 3D Slicer and OHIF by MONAI Label, on this machine alone.

Example:
    python scripts/label_server.py --bundle lgm_vit --studies studies
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # from any folder, without an installed package


def main() -> int:
    """Serve what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--bundle", type=Path, default=ROOT, help="unpacked bundle; the folder of this script if left out"
    )
    parser.add_argument("--studies", required=True, help="folder of volumes and DICOM studies, or a DICOMweb address")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--device", help="as in cpu or cuda:0")
    parser.add_argument(
        "--contrasts", type=Path, help="rules by which DICOM series become channels; default: MR of the brain"
    )
    parser.add_argument("--patient", help="regular expression that finds the patient in a scan's name, for training")
    given = parser.parse_args()
    try:
        from bundle.consumers.label.server import serve

        named = {"device": given.device, "contrasts": given.contrasts and str(given.contrasts.resolve())}
        named["patient"] = given.patient
        chosen = {name: value for name, value in named.items() if value is not None}
        serve(given.bundle, given.studies, port=given.port, **chosen)
    except (ImportError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
