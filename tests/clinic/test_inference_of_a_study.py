"""Inference takes a folder of DICOM studies as it is."""

import json

import pytest
from monai.bundle import ConfigParser

pytest.importorskip("pydicom", minversion="3")

from pydicom import dcmread

from bundle.files import read_csv
from bundle.inferers import SliceInferer
from bundle.networks import load_weights


@pytest.fixture
def infer(bundle_root, tmp_path):
    """Run the packed bundle's inference on a folder; return the folders of its cases."""

    def infer(folder):
        config = json.loads((bundle_root / "configs" / "inference.json").read_text())
        config["network_def"].pop("_requires_")
        paths = {"dataset_dir": str(folder), "output_dir": str(tmp_path / "out"), "bundle_root": str(bundle_root)}
        parser = ConfigParser({**config, **paths, "device": "cpu", "_meta_": {}})
        load_weights(parser.get_parsed_content("network"), bundle_root / "models" / "model.pt")
        parser.get_parsed_content("evaluator").run()
        parser.get_parsed_content("dataset").finish()
        return sorted((tmp_path / "out").iterdir())

    return infer


def test_slices_are_named_by_their_instances(study, infer):
    [case] = infer(study(slices=4))
    table = read_csv(case / "slices.csv")
    assert case.name == "study_1_series7_ct"
    assert list(table.sop_instance_uid) == [f"1.2.4.{number}" for number in range(700, 704)]
    assert list(table.position_mm.astype(float)) == [0, 3, 6, 9]
    assert "Doe" not in (case / "summary.json").read_text()


def test_results_of_another_export_are_not_replaced(study, infer, monkeypatch):
    [case] = infer(study(slices=4))
    before = (case / "slices.csv").read_bytes()
    other = study("other", slices=4, StudyInstanceUID="1.2.10")
    for path in (other / "series7").iterdir():
        image = dcmread(path)
        image.SOPInstanceUID += ".1"
        image.save_as(path)
    with monkeypatch.context() as patch:
        patch.setattr(SliceInferer, "__call__", lambda *_: pytest.fail("the network is asked for nothing"))
        with pytest.raises(RuntimeError, match=r"must be free or hold earlier results of the same images"):
            infer(other)
    assert (case / "slices.csv").read_bytes() == before
    assert infer(study()) == [case]  # the same series, of which a slice has come
    assert len(read_csv(case / "slices.csv")) == 5


def test_findings_of_a_series_that_is_unevenly_apart_are_measured_by_its_slices(study, infer):
    folder = study(slices=4)
    image = dcmread(path := next((folder / "series7").glob("*700.dcm")))
    image.ImagePositionPatient = [-10, -20, -1]
    image.save_as(path)
    [case] = infer(folder)
    assert json.loads((case / "findings.json").read_text())["slice_distances"] == "own"
