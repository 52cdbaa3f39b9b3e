"""Findings beside the results of inference, on the grid of the source."""

import json

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Orientationd

from bundle.findings import FindFindingsd
from bundle.handlers.case_findings import write_findings
from bundle.transforms import SplitPredictiond

RULE = {"map_threshold": 0.5}
AFFINE = np.array([[0, -2.0, 0, 30], [-1.0, 0, 0, 20], [0, 0, 5.0, -40], [0, 0, 0, 1]])


def inferred(rule, probability=(0.1, 0.9, 0.8, 0.2), *, name="a.nii.gz", axcodes="PLS", **more):
    """A scan whose map is 1 in one box, after the postprocessing of inference."""
    turn = Compose([Orientationd(keys="image", axcodes=axcodes, labels=(("L", "R"), ("P", "A"), ("I", "S")))])
    source = MetaTensor(
        torch.rand(1, 6, 7, 4), affine=AFFINE, meta={"filename_or_obj": name, "original_affine": AFFINE}
    )
    marked = MetaTensor(torch.zeros(1, 6, 7, 4), affine=AFFINE)
    marked[0, 1:4, 2:4, 1:] = 1
    case = turn({"image": source}) | {"case": "a"} | more
    volume = turn({"image": marked})["image"].as_tensor()
    case["pred"] = torch.cat([volume, torch.tensor(probability).expand_as(volume)])
    case = FindFindingsd(rule)(SplitPredictiond()(case))
    back = Invertd(["pred", "finding_labels"], turn, "image", nearest_interp=[False, True], allow_missing_keys=True)
    return back(case), marked[0].numpy()


def test_the_label_map_lies_on_the_source(tmp_path):
    case, marked = inferred(RULE)
    write_findings(tmp_path, case)
    found = nibabel.load(tmp_path / "findings.nii.gz")
    np.testing.assert_allclose(found.affine, AFFINE)
    marked[..., 3] = 0  # a negative slice
    np.testing.assert_array_equal(found.get_fdata(), marked)
    assert found.get_data_dtype() == np.uint16
    assert found.header.get_intent()[0] == "label"
    content = json.loads((tmp_path / "findings.json").read_text())
    (finding,) = content.pop("findings")
    assert content == {
        "case": "a", "map_threshold": 0.5, "minimum_ml": 0.0, "map_scale": [0.0, 1.0], "slice_threshold": 0.5
    }  # fmt: skip
    place = nibabel.affines.apply_affine(AFFINE, np.argwhere(marked)).mean(axis=0)
    assert finding["centroid_ras_mm"] == pytest.approx(place, abs=2e-3)
    assert (finding["score"], finding["volume_ml"]) == (pytest.approx(0.9), pytest.approx(0.12))
    assert finding["key_source_slice"] is None


@pytest.mark.parametrize(("axcodes", "probability"), [("PLS", (0.1, 0.9, 0.8, 0.2)), ("PLI", (0.2, 0.8, 0.9, 0.1))])
def test_slices_that_are_unevenly_apart_count_by_their_own_places(tmp_path, axcodes, probability):
    heights = (-40, -38, -30, -25)
    rows = [{"patient_x": -30, "patient_y": -20 + (index == 2), "patient_z": z} for index, z in enumerate(heights)]
    more = {"axcodes": axcodes, "instances": json.dumps(rows)}
    case, _ = inferred(RULE | {"minimum_ml": 0.13}, probability, **more)  # by the affine it has 0.12 ml
    content = case["findings"]
    (finding,) = content["findings"]
    thickness = np.array([5, 6.5])  # half the way from -40 to -30, and from -38 to -25
    assert content["slice_distances"] == "own"
    assert (finding["volume_mm3"], finding["volume_ml"]) == (6 * 2 * 11.5, 0.138)
    assert sorted(finding["extent_mm"]) == [3, 4, 11.5]
    y = AFFINE[1, 3] - 2 - np.array([0, 1])  # rows 1 to 3, of which the second slice lies 1 mm further back
    expected = (30 - 2 * 2.5, thickness @ y / 11.5, thickness @ (-38, -30) / 11.5)
    assert finding["centroid_ras_mm"] == pytest.approx(expected, abs=2e-3)
    assert {point[2] for contour in finding["contours_ras_mm"] for point in contour} == {-38}  # the likeliest slice


@pytest.mark.parametrize(
    "rows", [[], [{"patient_x": -30, "patient_y": -20, "patient_z": 5 * k - 40} for k in range(4)]]
)
def test_slices_that_the_affine_holds_are_measured_by_it(rows):
    found, without = inferred(RULE, instances=json.dumps(rows))[0]["findings"], inferred(RULE)[0]["findings"]
    assert found == without


def test_no_finding_is_an_explicit_empty_list(tmp_path):
    write_findings(tmp_path, inferred(RULE, (0.1, 0.2, 0.3, 0.4))[0])
    assert json.loads((tmp_path / "findings.json").read_text())["findings"] == []
    assert not nibabel.load(tmp_path / "findings.nii.gz").get_fdata().any()


def test_without_a_rule_nothing_is_added(tmp_path):
    case, _ = inferred(None)
    assert "findings" not in case
    write_findings(tmp_path, case)
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_slices_have_no_size():
    finding = inferred(RULE, name="a.png")[0]["findings"]["findings"][0]
    assert finding["volume_ml"] is finding["centroid_ras_mm"] is None
    assert finding["voxels"] == 12


def test_several_classes_and_a_malformed_rule_are_refused_at_once():
    with pytest.raises(ValueError, match="finding_rule must be null for a network of several classes, got 3"):
        FindFindingsd(RULE, num_classes=3)
    with pytest.raises(ValueError, match="finding_rule must hold map_threshold"):
        FindFindingsd({"threshold": 0.5})
    assert FindFindingsd(None, num_classes=3).rule is None
