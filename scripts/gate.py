"""Look at a packed bundle as a hospital's gate does, without importing or running anything of it.

Exit status: 0 it passes; 1 it is refused, with one line a finding.

Example:
    python scripts/gate.py lgm_vit.zip
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.gate import DEFAULT, gate


def main() -> int:
    """Print what was seen and what was found; return 1 if the bundle is refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", nargs="?", type=Path, metavar="BUNDLE.zip", help="by scripts/pack_bundle.py")
    parser.add_argument("--policy", type=Path, default=DEFAULT, help="YAML of what is allowed; default: the gate's own")
    parser.add_argument("--print_policy", action="store_true", help="print the policy, to copy and change it")
    parser.add_argument("--code", type=Path, help="SHA256SUMS of code that was reviewed; default: this gate's version")
    parser.add_argument("--sha256", help="of the archive, as its sender tells it")
    parser.add_argument("--json", action="store_true", help="print JSON for a machine")
    given = parser.parse_args()
    if given.print_policy:
        print(given.policy.read_text(encoding="utf-8"), end="")
        return 0
    if given.archive is None:
        parser.error("BUNDLE.zip is missing")
    try:
        report = gate(given.archive, given.policy, given.code, given.sha256)
    except (ValueError, OSError) as error:
        parser.exit(2, f"error: {error}\n")
    print(json.dumps(report.as_json(), indent=2) if given.json else "\n".join(report.lines()))
    return 0 if report.passes else 1


if __name__ == "__main__":
    sys.exit(main())
