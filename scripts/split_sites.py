"""Take a data set of several hospitals apart, a folder of links for each, to try a federation on one machine.

Example:
    python scripts/split_sites.py DATA sites --config_file configs/train.json configs/datasets/lgg.yaml \
        --sites DU CS FG --without_masks FG
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from any folder, without an installed package

from monai.bundle import ConfigParser

from bundle.consumers.fl import make_site_folders


def main() -> None:
    """Make the folders that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset_dir", type=Path, help="folder of the data set")
    parser.add_argument("folder", type=Path, help="where the sites' folders go")
    parser.add_argument("--config_file", nargs="+", required=True, help="train.json and the data set's overlay")
    parser.add_argument("--sites", nargs="+", required=True, help="that take part, as the finder names them")
    parser.add_argument("--without_masks", nargs="*", default=[], help="that get slice labels in place of masks")
    arguments = parser.parse_args()
    config = ConfigParser()
    config.read_config(arguments.config_file)
    config["dataset_dir"] = str(arguments.dataset_dir)
    try:
        cases = config.get_parsed_content("finder").find()
        given = (arguments.folder, arguments.sites, arguments.without_masks)
        made = make_site_folders(cases, arguments.dataset_dir, *given)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    for site, count in made.items():
        print(f"{count} cases in {arguments.folder / site}")


if __name__ == "__main__":
    main()
