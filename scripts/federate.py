"""Train with several hospitals on one machine, or make the job for real ones; the result packs like any run.

Example:
    python scripts/federate.py plan.yaml --output_dir runs/federated
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from bundle.consumers.fl import federate


def main() -> None:
    """Run the federation that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path, help="YAML file, see docs/how-to/federate.md")
    parser.add_argument("--output_dir", type=Path, default=Path("runs/federated"), help="folder of the run")
    parser.add_argument(
        "--how",
        choices=("processes", "here", "job", "result"),
        default="processes",
        help="NVFlare's simulation; taking turns in one process without NVFlare; write NVFlare's job for real sites; "
        "make the run of what their server left",
    )
    arguments = parser.parse_args()
    try:
        print(federate(arguments.plan, arguments.output_dir, arguments.how))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
