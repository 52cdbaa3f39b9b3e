"""Figure of the maps of several methods on the same slices."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.bundle import ConfigParser
from numpy.typing import NDArray

from bundle.data.cases.inference_items import without_label
from bundle.evaluation import FinishedRun
from bundle.experiments.run import BUNDLE_ROOT, BundleRun, run_inference
from bundle.files import read_json
from bundle.reports import draw_overlay, overlay_panel
from bundle.volumes import to_display_orientation
from bundle.workflow.compare import read_config_record
from bundle.workflow.knobs import names

RULE = (
    "cases in which every method calls a same positive test slice positive, spread evenly over their names; of each "
    "case the middle one of these slices"
)


_OF_ATTENTION = ("EAFEM", "ClassAttention", "TokenEmbedding", "Rollout", "Relevance")
"""Maps of a ViT's attention and tokens, which `map_grid` draws alike for all networks."""


def chosen_slices(runs: Sequence[FinishedRun], num_cases: int = 5) -> list[tuple[str, int]]:
    """Return (case, slice index) by `RULE`: true positives of all runs, which the paper's figure 3 shows too.

    Args:
        runs: one per method, tested on the same slices.
        num_cases: at most so many slices, each of another case.

    Raises:
        ValueError: the runs were tested on different slices, or no positive slice is found by all.

    Example:
        >>> from bundle.metrics import Predictions
        >>> names, label = np.array(["a", "a", "b", "b"]), np.array([1, 1, 0, 1])
        >>> tested = Predictions(names, names, names, np.array([0, 1, 0, 1]), label, np.array([0.4, 0.9, 0.9, 0.8]))
        >>> chosen_slices([FinishedRun(tested, {"threshold": 0.5})])
        [('a', 1), ('b', 1)]
    """
    tested = [run.predictions.sorted_unique() for run in runs]
    first = tested[0]
    for other in tested[1:]:
        if not (np.array_equal(first.case, other.case) and np.array_equal(first.slice_index, other.slice_index)):
            raise ValueError("runs of a figure must be tested on the same slices: take the same repeat of all.")
    true_positive = first.label > 0
    for run, predictions in zip(runs, tested, strict=True):
        true_positive &= predictions.probability >= run.threshold
    cases = np.unique(first.case[true_positive])
    if not len(cases):
        raise ValueError("true positives of all methods must be 1 slice or more, got none: compare fewer methods.")
    spread = np.unique(np.linspace(0, len(cases) - 1, num_cases).round().astype(int))
    indices = {case: first.slice_index[true_positive & (first.case == case)] for case in cases[spread]}
    return [(str(case), int(of_case[len(of_case) // 2])) for case, of_case in indices.items()]


def map_grid(
    runs: Mapping[str, BundleRun],
    dataset_dir: Path,
    attribution: str = "configs/attributions/class_attention.yaml",
    num_cases: int = 5,
) -> NDArray:
    """Return one line per slice and one column per run, the mask outlined in magenta.

    The slices are those of `chosen_slices`, the maps come from inference with each run's own model.pt. One attribution
    serves all runs whose own map is of attention or tokens, so that the picture compares networks and not maps; a run
    with another map, such as a predicted mask or Grad-CAM, shows that one, and its title says so.

    Args:
        runs: title of a column -> a finished run. The config files of the first one find the cases.
        dataset_dir: the data set, as for the runs.
        attribution: overlay of the map of attention; the paper shows that of the last block.
        num_cases: lines of the picture.

    Returns:
        (3, H, W) uint8.

    Raises:
        FileNotFoundError: a run is not finished.
        ValueError: see `chosen_slices`; a chosen case is not in `dataset_dir`.
        RuntimeError: an inference failed.

    Source: figure 3 of the paper.
    """
    chosen = chosen_slices([FinishedRun.read(run.output_dir) for run in runs.values()], num_cases)
    parser = _config_of(next(iter(runs.values())).config_files, dataset_dir)
    items = {case.case: case.item() for case in parser.get_parsed_content("finder").find()}
    if missing := sorted({case for case, _ in chosen} - set(items)):
        raise ValueError(f"{dataset_dir}: data set must have the test cases of the runs, got none of {missing}.")
    pictures: list[list[NDArray]] = [[] for _ in chosen]
    images = [without_label(items[case]) for case, _ in chosen]
    with tempfile.TemporaryDirectory() as folder:
        for number, run in enumerate(runs.values()):
            results = Path(folder) / str(number)
            overlays = run.config_files[1:] if _own_map(run) else [*run.config_files[1:], attribution]
            run_inference(run, images, results, overlays, _network_knobs(run))
            for line, (case, index) in zip(pictures, chosen, strict=True):
                line.append(_overlaid(items[case], results / case, index, parser))
    titles = [f"{name}\n({own})" if (own := _own_map(run)) else name for name, run in runs.items()]
    return overlay_panel(pictures, titles, [f"{case}, slice {index}" for case, index in chosen])


def _config_of(files: Sequence[str], dataset_dir: Path) -> ConfigParser:
    """Return the config of a run's data set."""
    parser = ConfigParser()
    parser.read_config([str(BUNDLE_ROOT / file) for file in files])
    parser.update({"dataset_dir": str(dataset_dir.absolute()), "bundle_root": str(BUNDLE_ROOT)})
    return parser


def _own_map(run: BundleRun) -> str:
    """Return the class of the run's map if it is not one of attention or tokens, by the run's record; else nothing."""
    attribution = read_json(run.output_dir / "config.json", {}).get("attribution")
    name = str(attribution.get("_target_", "")).rpartition(".")[2] if isinstance(attribution, dict) else ""
    return "" if name in _OF_ATTENTION else name


def _network_knobs(run: BundleRun) -> dict[str, Any]:
    """Return the knobs of inference that the run was trained with, by its record; MONAI takes no null from outside."""
    known = read_json(BUNDLE_ROOT / "configs/inference.json")
    trained = read_config_record(run.output_dir / "config.json", known)
    own = names("source", "place", "machine", "run", "evaluation")  # where and how it runs, not what the network is
    return {
        name: trained[name]
        for name, value in known.items()
        if name not in own and not isinstance(value, dict | list) and not str(value).startswith("$")
        if trained.get(name) is not None and not isinstance(trained[name], dict | list)
    }


def _overlaid(item: Mapping[str, Any], folder: Path, index: int, parser: ConfigParser) -> NDArray:
    """Return the last channel of one slice with map and mask, (H, W, 3)."""
    with (folder / "slices.csv").open(newline="", encoding="utf-8") as file:
        line = next(line for line in csv.DictReader(file) if int(line["slice"]) == index)
    source = int(line["source_slice"]) if line.get("source_slice") else None
    image = item["image"] if isinstance(item["image"], str) else item["image"][-1]
    files = (image, folder / "attribution.nii.gz", item["label"])
    voxels = [to_display_orientation(file, source) for file in files]
    picture, attribution, mask = (array if source is not None else array[..., index] for array in voxels)
    return draw_overlay(picture, attribution, np.asarray(mask) > parser.get("check#positive_above", 0))
