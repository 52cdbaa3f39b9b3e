"""One folder a case, complete when it is there."""

import csv
import json

import nibabel
import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.engines import IterationEvents
from PIL import Image

from bundle.handlers import CaseFolders
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
    CaseFolders(folder, options.get("source_slices")).attach(engine)
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


def test_a_case_name_that_leads_elsewhere_is_refused(tmp_path):
    with pytest.raises(ValueError, match="case name that can name a folder"):
        run(tmp_path / "out", ["../up"])
    assert not (tmp_path / "up").exists()
