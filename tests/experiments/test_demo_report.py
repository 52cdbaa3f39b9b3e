"""The demo's page, from toy scores and a toy volume."""

import json
import math

import numpy as np
import pytest

from bundle.experiments import BundleRun, demo_report, most_positive_case
from bundle.experiments.demo_report import to_display_orientation
from bundle.files import write_csv
from bundle.volumes import write_nifti

AFFINE = np.diag([-2.0, -2.0, 4.0, 1.0])


def write_run(folder, f1, auroc=0.8):
    """Scores of one run."""
    baselines = {
        "position": {"slice": {"f1": 0.25, "auroc": None, "n": 9}},
        "centre_prior": {"map": {"pointing_game": 0.125, "energy_ratio": 1.5, "n": 4}},
    }
    content = {
        "slice": {"f1": f1, "auroc": auroc, "average_precision": 0.7, "cohen_kappa": 0.6},
        "map": {"pointing_game": 0.4, "energy_ratio": 2.0},
        "baselines": baselines,
        "n": {"slices": 96, "positives": 30, "patients": 4},
    }
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(content))
    return BundleRun(folder.name, folder, ["configs/train.json", "configs/methods/x.yaml"], {"max_epochs": 7})


@pytest.fixture
def demo(tmp_path):
    """Return a function: F1 of both rows' runs -> the report."""
    volume = np.random.default_rng(0).random((12, 10, 6))
    lesion = np.zeros((12, 10, 6))
    lesion[3:6, 4:7, 1:5] = 1
    write_nifti(tmp_path / "image.nii.gz", volume, AFFINE)
    write_nifti(tmp_path / "seg.nii.gz", lesion, AFFINE)
    inference = {}
    for number, row in enumerate(("baseline", "lgmvit")):
        inference[row] = tmp_path / "inference" / row
        write_nifti(inference[row] / "attribution.nii.gz", np.roll(volume, number), AFFINE)
        write_csv(inference[row] / "slices.csv", [{"slice": k, "probability": (k + number) / 10} for k in range(6)])
    case = {"case": "case_07", "image": tmp_path / "image.nii.gz", "label": tmp_path / "seg.nii.gz"}

    def make(baseline, lgmvit):
        rows = {
            row: [write_run(tmp_path / row / str(k), f1) for k, f1 in enumerate(values)]
            for row, values in (("baseline", baseline), ("lgmvit", lgmvit))
        }
        return demo_report(rows, inference, case)

    return make


def test_the_page_has_scores_baselines_pictures_and_commands(demo):
    report = demo([0.5, 0.7], [0.8, 0.9])
    rows = {row.name: row for row in report.rows}
    assert list(rows) == ["plain ViT", "LGM-ViT", "slice position alone", "map of the center"]
    assert rows["plain ViT"].scores["f1"] == [0.5, 0.7]
    assert rows["slice position alone"].scores["f1"] == [0.25]
    assert math.isnan(rows["slice position alone"].scores["auroc"][0]), "null in JSON is no score"
    assert rows["map of the center"].scores["map_pointing_game"] == [0.125]
    assert [row.is_baseline for row in report.rows] == [False, False, True, True]
    assert report.settings["max_epochs"] == 7
    assert "configs/methods/x.yaml" in report.settings["overlays of LGM-ViT"]
    assert report.how_made[0].startswith("monai.bundle run --config_file")
    page = report.render()
    assert "96 slices (30 with a lesion) of 4 patients" in page
    assert "<title>LGM-ViT demo" in page


@pytest.mark.parametrize(
    ("baseline", "lgmvit", "end"),
    [
        ([0.3, 0.4], [0.8], "all are above it."),
        ([0.1, 0.3], [0.8], "the plain ViT is no better."),
        ([0.1], [0.25, None], "the plain ViT and LGM-ViT are no better."),
        ([0.5], [None], "LGM-ViT is no better."),
    ],
)
def test_the_headline_says_what_position_alone_reaches(demo, baseline, lgmvit, end):
    verdict = demo(baseline, lgmvit).verdict
    assert verdict.endswith(f"Slice position alone, without a look at the image, has F1 0.250: {end}")


def test_the_pictures_are_slices_with_a_lesion_and_both_maps(demo):
    report = demo([0.5, 0.6], [0.8, 0.9])
    assert len(report.pictures) == 4, "slices 1 to 4 have the lesion"
    assert report.pictures[0].caption == "case_07, slice 1: plain ViT says 0.10, LGM-ViT says 0.20"
    assert [len(row.pictures) for row in report.pictures] == [3] * 4
    assert report.picture_columns == ["slice and lesion", "plain ViT", "LGM-ViT"]
    assert any(not np.array_equal(row.pictures[1], row.pictures[2]) for row in report.pictures)


def test_the_verdict_follows_the_scores(demo, tmp_path):
    better = demo([0.50, 0.51, 0.52], [0.80, 0.81, 0.82]).verdict
    for row in ("baseline", "lgmvit"):
        (tmp_path / row).rename(tmp_path / f"old {row}")
    worse = demo([0.80, 0.81, 0.82], [0.50, 0.51, 0.52]).verdict
    assert better != worse


def test_the_page_is_about_its_last_row(demo, tmp_path):
    report = demo([0.50, 0.51, 0.52], [0.80, 0.81, 0.82])
    assert report.verdict.startswith("LGM-ViT")
    assert f"output_dir {tmp_path / 'lgmvit' / '0'}" in report.how_made[0]


def test_a_volume_is_shown_the_same_however_its_file_is_turned(tmp_path):
    volume = np.random.default_rng(1).random((4, 5, 6)).astype(np.float32)
    flipped = AFFINE @ np.diag([-1.0, 1, 1, 1])
    flipped[:3, 3] = AFFINE[:3, :3] @ [3, 0, 0]
    one = write_nifti(tmp_path / "a.nii.gz", volume, AFFINE)
    other = write_nifti(tmp_path / "b.nii.gz", volume[::-1], flipped)
    np.testing.assert_array_equal(to_display_orientation(one), to_display_orientation(other))
    np.testing.assert_array_equal(
        to_display_orientation(one), volume.transpose(1, 0, 2)
    )  # rows to posterior, columns to left


@pytest.mark.parametrize(
    ("positives", "expected"), [("aab", "a"), ("abb", "b"), ("ba", "a")], ids=["most", "later", "first by name"]
)
def test_most_positive_case(positives, expected, tmp_path):
    rows = [{"case": case, "label": 1} for case in positives] + [{"case": "c", "label": label} for label in (0, 0, "")]
    assert most_positive_case(write_csv(tmp_path / "predictions.csv", rows)) == expected
