"""One folder a case, complete when it is there."""

import csv
import hashlib
import json

import nibabel
import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.engines import IterationEvents
from PIL import Image

from bundle.handlers import CaseResultSaver, case_folder, finished_cases, write_case
from bundle.reports import write_picture
from bundle.transforms import SplitPredictiond
from bundle.volumes import source_slice_indices

AFFINE = torch.diag(torch.tensor([2.0, 3.0, -5.0, 1.0], dtype=torch.float64))


def volume(*, original=None):
    image = MetaTensor(torch.rand(2, 8, 6, 4, generator=torch.Generator().manual_seed(0)), affine=AFFINE)
    image[..., 0] = 0
    image.meta["filename_or_obj"] = "in/a.nii.gz"
    image.meta["original_affine"] = np.eye(4) if original is None else original
    return image


def run(folder, cases, **options):
    """Write the cases by an engine whose iteration is one volume, as the evaluator's after postprocessing."""
    prediction = torch.rand(2, 8, 6, 4, generator=torch.Generator().manual_seed(1))
    prediction[1] = torch.tensor([0.1, 0.9, 0.2, 0.6])
    prediction[0, ..., 0] = 0

    def process(engine, case):
        image = volume(**options.get("meta", {}))
        engine.state.batch = [{"case": case, "image": image}]
        engine.state.output = [SplitPredictiond(num_overlays=2)({"image": image, "pred": prediction})]
        engine.fire_event(IterationEvents.MODEL_COMPLETED)

    engine = Engine(process)
    engine.register_events(*IterationEvents)
    CaseResultSaver(folder, options.get("source_slices"), **options.get("saver", {})).attach(engine)
    engine.run(cases)
    return prediction


def rows(folder):
    with (folder / "slices.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_four_files_of_every_case(tmp_path):
    prediction = run(tmp_path, ["a", "b"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    image = nibabel.load(tmp_path / "a/attribution.nii.gz")
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32), prediction[0].numpy())
    np.testing.assert_allclose(image.affine, AFFINE)
    summary = json.loads((tmp_path / "b/summary.json").read_text())
    assert (summary["case"], summary["image"], summary["positive"]) == ("b", "in/a.nii.gz", True)
    assert summary["volume"]["max"] == pytest.approx(0.9)
    assert "slices" not in summary
    found = rows(tmp_path / "a")
    assert [float(row["probability"]) for row in found] == pytest.approx([0.1, 0.9, 0.2, 0.6])
    assert [row["blank"] for row in found] == ["True", "False", "False", "False"]
    assert "source_slice" not in found[0]
    assert Image.open(tmp_path / "a/overlay.png").size[0] > 100


def test_slices_of_the_file_are_named_beside_those_of_the_volume(tmp_path):
    run(tmp_path, ["a"], meta={"original": np.diag([2.0, 3.0, 5.0, 1.0])}, source_slices=source_slice_indices)
    assert [row["source_slice"] for row in rows(tmp_path / "a")] == ["0", "-1", "-2", "-3"]


def test_a_file_sliced_along_another_axis_gets_no_such_column(tmp_path):
    sagittal = np.array([[0, 0, 5.0, 0], [2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 0, 1]])
    run(tmp_path, ["a"], meta={"original": sagittal}, source_slices=source_slice_indices)
    assert "source_slice" not in rows(tmp_path / "a")[0]


def test_the_summary_names_the_model_by_name_version_and_weights(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"weights")
    model = {"name": "finder of lesions", "version": "1.2.3", "task": "left out"}
    run(tmp_path / "out", ["a"], saver={"model": model, "checkpoint": tmp_path / "model.pt"})
    assert json.loads((tmp_path / "out/a/summary.json").read_text())["model"] == {
        "name": "finder of lesions",
        "version": "1.2.3",
        "weights_sha256": hashlib.sha256(b"weights").hexdigest(),
    }


@pytest.mark.parametrize("map_scale", [None, (0.25, 0.5)])
def test_a_viewer_opens_the_map_on_the_scale_of_the_model(map_scale, tmp_path):
    prediction = run(tmp_path, ["a"], saver={"map_scale": map_scale})
    header = nibabel.load(tmp_path / "a/attribution.nii.gz").header
    low, high = map_scale or (prediction[0].min().item(), prediction[0].max().item())
    assert (header["cal_min"], header["cal_max"]) == (np.float32(low), np.float32(high))
    assert header.get_intent() == ("estimate", (), "attribution map")
    assert b"no unit" in header["descrip"].item()
    summary = json.loads((tmp_path / "a/summary.json").read_text())
    assert summary["map_scale"] == pytest.approx([low, high])
    assert summary["map_scale_from"] == ("this case" if map_scale is None else "model")


@pytest.mark.parametrize("map_scale", [(0.5,), (0.5, 0.5), (0.5, 0.1), (0.0, float("nan")), (0, 1, 2)])
def test_a_scale_that_is_none_is_refused(map_scale, tmp_path):
    with pytest.raises(ValueError, match="map_scale must be two numbers, the lower first, got "):
        CaseResultSaver(tmp_path, map_scale=map_scale)


def test_a_case_name_that_leads_elsewhere_is_refused(tmp_path):
    with pytest.raises(ValueError, match="case must be the name of a folder"):
        run(tmp_path / "out", ["../up"])
    assert not (tmp_path / "up").exists()


def write(output_dir, case="a", value=0.5):
    rows = [{"slice": 0, "probability": np.float32(value), "blank": False}, {"slice": 1, "source_slice": 3}]
    return write_case(
        output_dir,
        case,
        attribution=np.full((4, 5, 2), value),
        affine=np.eye(4),
        slices=rows,
        summary={"max": value, "affine": np.eye(2), "auroc": float("nan")},
        overlay=np.full((6, 8, 3), 9, np.uint8),
    )


def test_the_four_files(tmp_path):
    folder = write(tmp_path)
    assert sorted(found.name for found in folder.iterdir()) == [
        "attribution.nii.gz",
        "overlay.png",
        "slices.csv",
        "summary.json",
    ]
    with (folder / "slices.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {"slice": "0", "probability": "0.5", "blank": "False", "source_slice": ""}
    assert rows[1]["source_slice"] == "3"
    assert json.loads((folder / "summary.json").read_text()) == {
        "max": 0.5,
        "affine": [[1.0, 0.0], [0.0, 1.0]],
        "auroc": None,
    }
    assert Image.open(folder / "overlay.png").size == (8, 6)


def test_a_case_written_again_is_replaced_and_a_failing_one_is_not(tmp_path):
    write(tmp_path)
    folder = write(tmp_path, value=0.25)
    with pytest.raises(TypeError):
        write_case(
            tmp_path,
            "a",
            attribution=np.zeros((1, 1, 1)),
            affine=np.eye(4),
            slices=[],
            summary={"bad": {1, 2}},
            overlay=np.zeros((2, 2), np.uint8),
        )
    assert json.loads((folder / "summary.json").read_text())["max"] == 0.25
    assert [found.name for found in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("case", ["", ".", "..", "../up", "a/b", "a\\b", "/etc", ".hidden", "a\nb", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(case, tmp_path):
    with pytest.raises(ValueError, match="case must be the name of a folder"):
        write(tmp_path / "out", case)
    assert not list(tmp_path.iterdir())


def test_harmless_names_pass(tmp_path):
    for case in ("BraTS20_Training_034", "Fall 7 (links)", "a..b", "müller:1"):
        assert case_folder(tmp_path, case).parent == tmp_path


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (4, 5, 4), (3, 4, 5)])
def test_pictures_of_every_form(shape, tmp_path):
    assert Image.open(write_picture(tmp_path / "a.png", np.zeros(shape, np.uint8))).size == (5, 4)


@pytest.mark.parametrize("picture", [np.zeros((4, 5)), np.zeros((4, 5, 2), np.uint8)])
def test_what_is_no_picture_is_refused(picture, tmp_path):
    with pytest.raises(ValueError, match="picture must be uint8"):
        write_picture(tmp_path / "a.png", picture)


def test_only_complete_and_visible_folders_count(tmp_path):
    for name in ("b", "a", ".1234.part-c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").touch()
    (tmp_path / "no case").mkdir()
    (tmp_path / "summary.json").touch()
    assert finished_cases(tmp_path) == ["a", "b"]
    assert finished_cases(tmp_path / "missing") == []
