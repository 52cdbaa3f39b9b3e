import sys
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK
from support.label_bundle import write_bundle, write_group

pytest.importorskip("pydicom")
from bundle.consumers.label.infer_task import SliceInferTask
from bundle.consumers.label.network import LabelNetwork
from bundle.keys import PRED


class Refused(Exception):  # noqa: N818 - stands for the server's HTTPException
    def __init__(self, status_code, detail):
        self.status_code, self.detail = status_code, detail


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return SliceInferTask(LabelNetwork(write_bundle(tmp_path_factory.mktemp("label") / "lgm_vit"), "cpu"))


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", SimpleNamespace(HTTPException=Refused))
    return str(write_group(tmp_path) / "case_a_flair.nii.gz")


def read(file):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(file))


def test_clients_see_one_label_in_three_dimensions_and_the_weights_in_use(task):
    info = task.info()
    assert (info["labels"], info["dimension"], info["type"]) == ({"finding": 1}, 3, "segmentation")
    assert info["config"]["result_kind"] == ["findings", "map"]
    assert task.is_valid()
    assert task.get_path() == str(task.network.root / "models" / "model.pt")


def test_slicer_gets_numbered_findings_in_the_format_it_asks_for(task, image):
    # a client that does not choose sends the lists of choices back
    asked = {**task.config(), "result_extension": ".nrrd", "result_dtype": "uint8", "device": "cuda"}
    file, said = task({"image": image, **asked})
    labels = read(file)
    assert labels.dtype == np.uint8
    assert set(said["label_names"].values()) == set(np.unique(labels)) - {0}
    assert len(said["findings"]) == labels.max() > 0


def test_ohif_gets_all_findings_as_the_one_label_that_it_knows(task, image):
    file, said = task({"image": image, "result_extension": ".nrrd", "restore_label_idx": False})
    numbered, _ = task({"image": image, "result_extension": ".nrrd"})
    assert np.array_equal(read(file), read(numbered) > 0)
    assert said["label_names"] == {"finding": 1}


def test_the_map_keeps_its_values_whatever_type_a_client_asks_for(task, image):
    file, said = task({"image": image, "result_kind": "map", "result_dtype": "uint8"})
    own = np.asarray(task.network.infer(image).found[PRED][0])
    assert file.endswith(".nii.gz")
    assert np.array_equal(read(file).T, own)
    assert said["result_kind"] == "map"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"result_kind": "heat"}, "result_kind must be one of findings, map, got 'heat'"),
        ({"result_kind": "map", "save_label": True}, "a map is no label"),
        ({"result_extension": ".png"}, "result_extension must be one of .nii.gz, .nii, .nrrd, .mha, got '.png'"),
        ({"image": "no/file.nii.gz"}, "no/file.nii.gz"),
    ],
)
def test_what_there_is_not_is_refused_with_the_reason(task, image, request_, said):
    with pytest.raises(Refused) as refused:
        task({"image": image, **request_})
    assert refused.value.status_code == 422
    assert said in refused.value.detail
