"""List the models that trainings of MONAI Label made of a bundle, or put one of them to use again.

Example:
    python scripts/label_model.py --bundle lgm_vit
    python scripts/label_model.py --bundle lgm_vit --use 0000
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # from any folder, without an installed package


def main() -> int:
    """List versions, or choose one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--bundle", type=Path, default=ROOT, help="unpacked bundle; the folder of this script if left out"
    )
    parser.add_argument("--use", metavar="VERSION", help="put this version to use; 0000 is the packed model")
    given = parser.parse_args()
    try:
        from bundle.consumers.label.model_versions import holding_models, use
        from bundle.consumers.label.new_model import describe_versions

        if given.use:
            with holding_models(given.bundle):
                use(given.bundle, given.use)
        print("\n".join(describe_versions(given.bundle)))
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
