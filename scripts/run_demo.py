"""Make phantoms, train the plain ViT and the recommended recipe on them, compare both on an unseen site, write a page.

Everything goes through `python -m monai.bundle run`; finished parts are kept, so the demo can be killed and repeated.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bundle.experiments import Experiment, RunQueue, demo_report, most_positive_case, run_inference
from bundle.files import write_atomically
from bundle.reports import write_picture
from bundle.workflow import end_with_one_line

ROOT = Path(__file__).parents[1]
CHANNELS = ("t1", "t2", "flair")
PHANTOMS = ("--cases", "96", "--shape", "64", "64", "20")  # many patients rather than large ones: fewer are memorized


def main() -> None:
    """Run the demo."""
    end_with_one_line()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, default=Path("demo"), help="phantoms, runs and page go here")
    parser.add_argument("--parallel", type=int, default=2, help="processes at a time, one thread each")
    arguments = parser.parse_args()
    root = arguments.output_dir.absolute()
    data = root / "phantoms"
    print(f"1/4  phantoms: {data}", flush=True)
    subprocess.run([sys.executable, ROOT / "scripts/make_phantoms.py", data, *PHANTOMS], check=True)
    experiment = Experiment.read(ROOT / "configs/experiments/demo.yaml")
    runs = experiment.runs(root, {"dataset_dir": str(data), "cache_dir": str(root / "cache")})
    print(f"2/4  training and evaluation: {len(runs)} runs, {arguments.parallel} at a time", flush=True)
    longest_first = sorted(runs, key=lambda run: not run.name.startswith("recommended/"))  # no core waits at the end
    if failed := RunQueue(longest_first, arguments.parallel)():
        sys.exit("\n".join(f"{run.name} failed; the end of {run.log}:\n{run.last_words()}" for run in failed))
    rows = {row: [run for run in runs if run.name.startswith(f"{row}/")] for row in experiment.rows}
    print("3/4  inference on one volume of the unseen site", flush=True)
    case = most_positive_case(rows["baseline"][0].output_dir / "predictions.csv")
    images = [str(data / case / f"{case}_{channel}.nii.gz") for channel in CHANNELS]
    folders = {
        row: run_inference(
            runs[0], [images], root / "inference" / row / case, [*experiment.base[1:], *experiment.row(row)[0]]
        )[0]
        for row, runs in rows.items()
    }
    report = demo_report(
        rows, folders, {"case": case, "image": images[-1], "label": data / case / f"{case}_seg.nii.gz"}
    )
    page = write_atomically(root / "report.html", lambda part: part.write_text(report.render(), encoding="utf-8"))
    write_picture(root / "overlays.png", report.panel())
    print(f"4/4  done\n\n{report.table().text()}\n\n{report.verdict}\n\nOpen {page}", flush=True)


if __name__ == "__main__":
    main()
