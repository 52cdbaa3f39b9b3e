"""Check a data set: one table, every problem with its remedy, and a contact sheet."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

sys.path.insert(0, str(Path(__file__).parents[1]))  # from any folder, without an installed package

from bundle.data import Datalist, check_cases, own_split, with_identities, without_unlabeled_test
from bundle.reports import contact_sheet
from bundle.workflow import CommandLine, checked_config, end_with_one_line

_SPLITS = ("split_file", "num_folds", "test_site")
_LABELS = ("positive_above", "mask_values", "ignored_mask_value")


def main() -> int:
    """Print what is there and what is wrong; return 1 if training would refuse a case."""
    end_with_one_line()
    arguments, knobs = _arguments()
    with warnings.catch_warnings(record=True) as told:  # what the finder says, shown with the problems of the cases
        warnings.simplefilter("always", UserWarning)
        items, check, config = _items_and_check(arguments, knobs)
        items = items if config.get("split_file") else without_unlabeled_test(items)
        if config.get("data_split", True) and not any(config.get(name) is not None for name in _SPLITS):
            own_split(with_identities(items, warn=False), config.get("fold"))
        report = check_cases(items, in_channels=arguments.in_channels, check=check, num_workers=arguments.num_workers)
    print(report.text(), *(f"warning: {one.message}" for one in told), sep="\n")
    chosen = {name: check.keywords[name] for name in _LABELS if name in check.keywords} if check else {}
    contact_sheet(items, arguments.sheet, channel=arguments.channel, **chosen)
    print(f"contact sheet: {arguments.sheet}")
    return 1 if report.errors else 0


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Other options are knobs: --mask_values '[6]'.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config_file", help="a config file, or a list as for monai.bundle: \"['a.json', 'b.yaml']\"")
    source.add_argument("--args_file", help="a JSON that holds the config files, such as configs/args/tiny.json")
    source.add_argument("--datalist", help="a MONAI datalist JSON")
    parser.add_argument("--+config_file", help="overlays to add: \"['a.yaml']\"")
    parser.add_argument("--dataset_dir", help="folder of the data set, with config files")
    parser.add_argument("--in_channels", type=int, help="channels the files of a case hold; default: the config's")
    parser.add_argument("--sheet", default="contact_sheet.png", help="PNG to write (default: %(default)s)")
    parser.add_argument("--channel", type=int, default=0, help="channel to show (default: %(default)s)")
    parser.add_argument("--num_workers", type=int, default=2, help="threads that read files (default: %(default)s)")
    arguments, knobs = parser.parse_known_args()
    if arguments.datalist and knobs:
        parser.error(f"{knobs[0]} needs --config_file or --args_file, with configs/datasets/datalist.yaml")
    return arguments, knobs


def _items_and_check(arguments: argparse.Namespace, knobs: list[str]) -> tuple[list[dict[str, Any]], Any, Any]:
    if arguments.datalist:
        return [case.item() for case in Datalist(arguments.datalist).find()], None, {}
    given = {name: getattr(arguments, name) for name in ("config_file", "args_file", "+config_file", "dataset_dir")}
    given["check#in_channels"] = arguments.in_channels
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    parser = ConfigParser(checked_config(CommandLine.parse([*options, *knobs])))
    items = [case.item() for case in parser.get_parsed_content("finder").find()]
    return items, parser.get_parsed_content("check"), parser


if __name__ == "__main__":
    sys.exit(main())
