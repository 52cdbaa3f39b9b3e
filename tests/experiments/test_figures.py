"""The grid of maps on a tiny data set; inference is replaced by maps whose place is known."""

import json
import sys

import nibabel
import numpy as np
import pytest
from support.datasets import DEPTH, SIZE, lits17

from bundle.evaluation import FinishedRun, write_predictions
from bundle.experiments import Experiment, chosen_slices, map_grid
from bundle.files import write_csv, write_json
from bundle.metrics import Predictions

EXPERIMENT = Experiment(
    "t",
    ["configs/train.json", "configs/datasets/lits17_lesion.yaml", "configs/sizes/tiny.yaml"],
    {"plain": ["configs/methods/baseline.yaml"], "guided": {"overlays": ["configs/methods/lgmvit.yaml"], "beta": 0.5}},
    {"seed0": {"seed": 0}, "seed1": {"seed": 1}},
)


def runs_of(root):
    return {row: EXPERIMENT.run(row, "seed0", root) for row in EXPERIMENT.rows}


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """Runs whose predictions find the lesion of volumes 1 and 2, and what inference was asked for."""
    lits17(tmp_path / "data")
    case = np.repeat(["volume-1", "volume-2"], DEPTH)
    index = np.tile(np.arange(DEPTH), 2)
    label = (index == 2).astype(int)
    for row in EXPERIMENT.rows:
        folder = EXPERIMENT.run(row, "seed0", tmp_path).output_dir
        folder.mkdir(parents=True)
        write_predictions(folder / "predictions.csv", Predictions(case, case, case, index, label, label * 0.9))
        write_json(folder / "metrics.json", {"threshold": 0.5})
        record = {"image_size": 16, "hidden_size": 8, "beta": 0.5, "threshold": "validation", "seed": 0, "amp": True}
        (folder / "config.json").write_text(json.dumps(record))
    asked = []

    def inference(run, images, output_dir, overlays, overrides):
        asked.append((run.name, images, overlays, overrides))
        for item in images:
            scan = nibabel.load(item["image"])
            spot = np.zeros(scan.shape, np.float32)
            spot[0, 0] = 1  # a corner of the file in every slice
            folder = output_dir / item["case"]
            folder.mkdir(parents=True)
            nibabel.save(nibabel.Nifti1Image(spot, scan.affine), folder / "attribution.nii.gz")
            write_csv(folder / "slices.csv", [{"slice": k, "source_slice": k} for k in range(DEPTH)])

    monkeypatch.setattr(sys.modules["bundle.experiments.figures"], "run_inference", inference)
    return asked


def test_inference_has_each_runs_network_and_one_attribution(finished, tmp_path):
    picture = map_grid(runs_of(tmp_path), tmp_path / "data")
    assert picture.dtype == np.uint8
    assert picture.shape[0] == 3
    assert [name for name, *_ in finished] == ["plain/seed0", "guided/seed0"]
    for (_, images, overlays, overrides), row in zip(finished, EXPERIMENT.rows, strict=True):
        assert [item["case"] for item in images] == ["volume-1", "volume-2"]
        assert all("label" not in item and "organ" in item for item in images)
        method = EXPERIMENT.row(row)[0]
        assert overlays == [*EXPERIMENT.base[1:], *method, "configs/attributions/class_attention.yaml"]
        assert overrides == {"image_size": 16, "hidden_size": 8, "beta": 0.5}, "what inference.json knows, no places"


def test_a_map_that_is_not_of_attention_is_the_runs_own(finished, tmp_path, monkeypatch):
    titles = []
    panel = sys.modules["bundle.experiments.figures"].overlay_panel
    monkeypatch.setattr(
        sys.modules["bundle.experiments.figures"],
        "overlay_panel",
        lambda tiles, columns, rows: titles.append(columns) or panel(tiles, columns, rows),
    )
    for row, name in (("plain", "GradCAM"), ("guided", "Relevance")):
        record = EXPERIMENT.run(row, "seed0", tmp_path).output_dir / "config.json"
        content = json.loads(record.read_text()) | {"attribution": {"_target_": f"bundle.attribution.{name}"}}
        record.write_text(json.dumps(content))
    map_grid(runs_of(tmp_path), tmp_path / "data")
    shared = "configs/attributions/class_attention.yaml"
    assert [shared in overlays for *_, overlays, _ in finished] == [False, True]
    assert titles == [["plain\n(GradCAM)", "guided"]]


def test_map_and_mask_lie_on_their_slice(finished, tmp_path, monkeypatch):
    drawn = []
    module = sys.modules["bundle.experiments.figures"]

    def draw(image, attribution, mask):
        drawn.append((image, attribution, mask))
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(module, "draw_overlay", draw)
    cases = lits17(tmp_path / "data")
    map_grid(runs_of(tmp_path), tmp_path / "data", num_cases=2)
    assert len(drawn) == 4
    for (image, attribution, mask), name in zip(drawn, ["volume-1", "volume-2"] * 2, strict=True):
        np.testing.assert_array_equal(image, cases[name].image[0][..., 2])
        np.testing.assert_array_equal(mask, cases[name].mask[..., 2] == 2)  # the lesion, without the organ
        corner = (0, 0) if name == "volume-1" else (SIZE - 1, SIZE - 1)  # of a file that points LPS, RAS
        assert np.argwhere(attribution > 0).tolist() == [list(corner)]


def test_other_data_than_the_runs_are_told(finished, tmp_path):
    for kind in ("scans/volume", "segmentations/segmentation"):
        (tmp_path / f"data/{kind}-2.nii").unlink()
    with pytest.raises(ValueError, match=r"data set must have the test cases of the runs, got none of \['volume-2'\]"):
        map_grid(runs_of(tmp_path), tmp_path / "data")


def run(found, threshold=0.5, cases="abcde", depth=5, shuffled=False):
    """A method that calls the slices `found` = {case: indices} positive; slices 1 to 3 are."""
    case = np.repeat(list(cases), depth)
    index = np.tile(np.arange(depth), len(cases))
    label = ((index >= 1) & (index <= 3)).astype(int)
    called = np.array([i in found.get(name, ()) for name, i in zip(case, index, strict=True)])
    predictions = Predictions(case, case, case, index, label, np.where(called, threshold, threshold - 0.1))
    if shuffled:
        predictions = predictions.select(np.random.default_rng(0).permutation(len(predictions)))
    return FinishedRun(predictions, {"threshold": threshold})


ALL = dict.fromkeys("abcde", (0, 1, 2, 3))


def test_the_middle_true_positive_of_cases_spread_over_the_names():
    assert chosen_slices([run(ALL)], num_cases=3) == [("a", 2), ("c", 2), ("e", 2)]
    assert chosen_slices([run(ALL)], num_cases=9) == [(case, 2) for case in "abcde"]


def test_every_method_must_find_it_at_its_own_threshold():
    one, other = run(ALL, threshold=0.9), run({"a": (0, 4), "b": (3,), "d": (1, 2, 3)}, threshold=0.2, shuffled=True)
    assert chosen_slices([one, other]) == [("b", 3), ("d", 2)]


def test_no_common_slice_and_other_slices_are_told():
    with pytest.raises(ValueError, match="got none"):
        chosen_slices([run({"a": (1,)}), run({"b": (1,)})])
    with pytest.raises(ValueError, match="same slices"):
        chosen_slices([run(ALL), run(ALL, cases="abcd")])
