"""Read a study folder by an app of the MONAI Deploy App SDK, with a packed bundle; needs the extra `deploy`.

What the command line leaves out comes from the environment, as a container has it: `--help` names the variables.
Exit status: 0 every study was read; 1 a study failed; 3 nothing in the folder can be read; 4 a study holds no series,
or several, that the network reads, and none failed.

Example:
    python scripts/deploy_app.py -i STUDY -o OUT -m lgm_vit
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

OPTIONS = {
    "input": ("HOLOSCAN_INPUT_PATH", Path, "folder with DICOM files, at any depth and under any names"),
    "output": ("HOLOSCAN_OUTPUT_PATH", Path, "where a folder per study goes"),
    "model": ("HOLOSCAN_MODEL_PATH", Path, "unpacked bundle, or a folder that holds one"),
    "selections": ("LGM_VIT_SELECTIONS", Path, "rules of the SDK that select a series for each channel"),
    "contrasts": ("LGM_VIT_CONTRASTS", Path, "rules of the bundle's own, without selections; default: brain MR"),
    "key_file": ("LGM_VIT_KEY_FILE", Path, "key that names cases; default: one that nobody keeps"),
    "device": ("LGM_VIT_DEVICE", str, "as in cpu or cuda:0"),
}
ROOT = Path(__file__).resolve().parents[1]
REQUIRED = ("input", "output", "model")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def main() -> int:
    """Read what command line and environment name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, (variable, kind, text) in OPTIONS.items():
        value = os.environ.get(variable)
        flags = (f"-{name[0]}", f"--{name}") if name in REQUIRED else (f"--{name}",)
        default = None if not value else kind(value)
        required = name in REQUIRED and default is None
        parser.add_argument(*flags, type=kind, default=default, required=required, help=f"{text} [{variable}]")
    parser.add_argument("--series", nargs="+", dest="numbers", help="Series Numbers to read, without selections")
    parser.add_argument("--identify", action="store_true", help="name cases by patient and study, whatever the key")
    parser.add_argument("-l", "--log-level", dest="log_level", type=str.upper, choices=LEVELS, default="WARNING")
    given = vars(parser.parse_args())
    places = (ROOT, given["model"], *given["model"].glob("*"))  # the code lies beside the script, or in the bundle
    sys.path[:0] = [str(place) for place in places if (place / "bundle").is_dir()]
    try:
        from bundle.consumers.deploy.app import run_app
    except ImportError as error:
        needs = f"the app must have the extra deploy, got {error}: see docs/how-to/monai-deploy.md."
        print(f"error: {needs}", file=sys.stderr)
        return 1
    return run_app(**given)


if __name__ == "__main__":
    sys.exit(main())
