"""Make a model.pt of this bundle, and its overlay, from a checkpoint of the paper's authors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from anywhere, without an installation

from bundle.networks import convert_reference_checkpoint


def main() -> None:
    """Read the arguments, convert, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, metavar="IN", help="the authors' checkpoint; opened without running code")
    parser.add_argument("target", type=Path, metavar="OUT", help="model.pt to write, or a folder for it")
    parser.add_argument("--image-size", type=int, default=256, help="pixels a side; not in the weights (%(default)s)")
    parser.add_argument("--num-heads", type=int, help="not in the weights (64 channels a head)")
    arguments = parser.parse_args()
    given = {"image_size": arguments.image_size, "num_heads": arguments.num_heads}
    try:
        weights, overlay = convert_reference_checkpoint(
            arguments.source, arguments.target, **{name: value for name, value in given.items() if value is not None}
        )
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"{weights}\n{overlay}")


if __name__ == "__main__":
    main()
