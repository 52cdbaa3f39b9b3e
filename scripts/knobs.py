"""Print what the knobs of the configs mean: all, one, or the page docs/knobs.md.

Example:
    python scripts/knobs.py localization_weight
    python scripts/knobs.py --markdown > docs/knobs.md
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.workflow.knobs import markdown_page, terminal_page


def main() -> None:
    """Print what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", metavar="NAME", help="an entry at the top of a base config; all by default")
    parser.add_argument("--markdown", action="store_true", help="print docs/knobs.md")
    arguments = parser.parse_args()
    try:
        print(markdown_page().rstrip() if arguments.markdown else terminal_page(arguments.name))
    except ValueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
