"""Inference takes a folder of DICOM studies as it is."""

import json

import pytest
from monai.bundle import ConfigParser

pytest.importorskip("pydicom", minversion="3")

from bundle.files import read_csv
from bundle.networks import load_weights


def test_slices_are_named_by_their_instances(bundle_root, study, tmp_path):
    folder = study(slices=4)
    config = json.loads((bundle_root / "configs" / "inference.json").read_text())
    config["network_def"].pop("_requires_")
    paths = {"dataset_dir": str(folder), "output_dir": str(tmp_path / "out"), "bundle_root": str(bundle_root)}
    parser = ConfigParser({**config, **paths, "device": "cpu", "_meta_": {}})
    load_weights(parser.get_parsed_content("network"), bundle_root / "models" / "model.pt")
    parser.get_parsed_content("evaluator").run()
    parser.get_parsed_content("dataset").finish()
    [case] = (tmp_path / "out").iterdir()
    table = read_csv(case / "slices.csv")
    assert case.name == "study_1_series7_ct"
    assert list(table.sop_instance_uid) == [f"1.2.4.{number}" for number in range(700, 704)]
    assert list(table.position_mm.astype(float)) == [0, 3, 6, 9]
    assert "Doe" not in (case / "summary.json").read_text()
