"""The running server, asked as 3D Slicer's client and OHIF's ask."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK
from support.label_bundle import SHAPE, write_bundle, write_group, write_volume
from support.label_server import MODEL, finished, label_server, ohif_infer

pytest.importorskip("monailabel", reason="needs MONAI Label: make test-label")
import requests
from monailabel.client import MONAILabelClient  # the file that 3D Slicer's extension has too

from bundle.clinic import StudyNetwork


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address, studies, bundle and log: a case of a file a channel, one of a folder, one that lacks a channel."""
    folder = tmp_path_factory.mktemp("label")
    bundle, studies = write_bundle(folder / "lgm_vit"), folder / "studies"
    write_group(studies / "case_b", "b")
    write_group(studies)
    write_volume(studies / "lacking_t1.nii.gz")
    with label_server(bundle, studies, folder) as (address, log):
        yield address, studies, bundle, log


@pytest.fixture
def slicer(server, tmp_path):
    return MONAILabelClient(server[0], str(tmp_path), "slicer")


def own(bundle, folder, case):
    files = [folder / f"{case}_{name}.nii.gz" for name in ("t1", "flair")]
    return StudyNetwork(bundle, "cpu").infer(files, case)


def read(file):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file))).T


def slicer_infer(slicer, image, **more):
    file, said = slicer.infer(MODEL, image, {"result_extension": ".nrrd", "result_dtype": "uint8", **more})
    return (read(file) if file else None), said


def test_it_listens_on_this_machine_alone_and_lists_groups_as_one_image(server, slicer):
    info = slicer.info()
    assert info["models"][MODEL]["labels"] == {"finding": 1}
    assert info["models"][MODEL]["dimension"] == 3
    assert info["labels"] == ["finding"]
    assert {"case_a", "case_b", "lacking"} <= slicer.datastore()["objects"].keys()
    assert "Uvicorn running on http://127.0.0.1:" in server[3].read_text()


@pytest.mark.parametrize(("image", "folder", "case"), [("case_a", "", "case_a"), ("case_b", "case_b", "b")])
def test_slicer_gets_the_findings_of_the_project_itself(server, slicer, image, folder, case):
    labels, said = slicer_infer(slicer, image, device="cuda", result_kind=["findings", "map"])
    wanted = own(server[2], server[1] / folder, case)
    assert labels.dtype == np.uint8
    assert labels.any()
    assert np.array_equal(labels, np.rint(wanted["finding_labels"][0]))
    assert [row["probability"] for row in said["slices"]] == [row["probability"] for row in wanted["result"]["slices"]]
    assert len(said["label_names"]) == labels.max()


def test_the_map_on_request_has_the_projects_values_and_place(server, slicer, tmp_path):
    asked = {"params": (None, json.dumps({"result_kind": "map", "result_extension": ".nii.gz"}))}
    query = {"image": "case_a", "output": "image"}
    answer = requests.post(f"{server[0]}/infer/{MODEL}", params=query, files=asked, timeout=300)
    (tmp_path / "map.nii.gz").write_bytes(answer.content)
    assert np.array_equal(read(tmp_path / "map.nii.gz"), own(server[2], server[1], "case_a")["pred"][0])
    source = SimpleITK.ReadImage(str(server[1] / "case_a_flair.nii.gz"))
    written = SimpleITK.ReadImage(str(tmp_path / "map.nii.gz"))
    for place in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert np.allclose(getattr(written, place)(), getattr(source, place)(), atol=1e-5)


def test_ohif_gets_the_one_label_that_it_knows(server, tmp_path):
    answer = ohif_infer(server[0], "case_a")
    assert answer.status_code == 200
    (tmp_path / "a.nrrd").write_bytes(answer.content)
    assert np.array_equal(np.unique(read(tmp_path / "a.nrrd")), [0, 1])


@pytest.mark.parametrize("image", ["lacking", "uploaded"])
def test_a_wrong_number_of_channels_is_refused_in_words(server, slicer, tmp_path, image):
    if image == "uploaded":
        slicer.upload_image(str(write_volume(tmp_path / "up.nii.gz")), "uploaded")
    answer = ohif_infer(server[0], image)
    assert answer.status_code == 422
    assert "channels" in answer.json()["detail"]
    assert "flair" in answer.json()["detail"].lower()


def test_a_session_and_an_upload_of_all_channels_are_read(server, slicer, tmp_path):
    whole = write_volume(tmp_path / "whole.nii.gz", shape=(*SHAPE, 2))
    session = slicer.create_session(str(whole))["session_id"]
    assert slicer.get_session(session)
    in_session, _ = slicer.infer(MODEL, "whole", {"result_extension": ".nrrd"}, session_id=session)
    slicer.upload_image(str(whole), "whole")
    labels, _ = slicer_infer(slicer, "whole")
    assert np.array_equal(read(in_session), labels)


def test_a_label_is_kept_and_next_sample_gives_another_case_and_its_file(server, slicer, tmp_path):
    shutil.copy(server[1] / "case_a_seg.nii.gz", tmp_path / "label.nii.gz")
    params = {"label_info": [{"name": "finding", "idx": 1}]}
    assert slicer.save_label("case_a", str(tmp_path / "label.nii.gz"), params=params)["label"] == "case_a"
    assert (server[1] / "labels/final/case_a.nii.gz").is_file()
    sample = slicer.next_sample("random", {})
    assert sample["id"] != "case_a"
    got = requests.get(f"{server[0]}/datastore/image", params={"image": "case_b"}, timeout=60)
    assert got.content == (server[1] / "case_b/b_flair.nii.gz").read_bytes()
    [row] = requests.get(f"{server[0]}/datastore/?output=train", timeout=60).json()
    assert [file.rpartition("_")[2] for file in row["image"]] == ["t1.nii.gz", "flair.nii.gz"]


def test_a_batch_keeps_findings_never_a_map_and_outlives_a_case_that_cannot_be_read(server, slicer):
    wanted = own(server[2], server[1], "case_a")["finding_labels"][0]
    url = f"{server[0]}/batch/infer/{MODEL}?images=all"
    requests.post(url, timeout=60).raise_for_status()
    status = finished(server[0], "batch/infer")
    assert status["status"] == "DONE", status
    saved = slicer.download_label("case_a", "original")
    assert np.array_equal(read(saved), np.rint(wanted))
    assert "original" not in slicer.datastore()["objects"]["lacking"]["labels"]
    requests.post(url, json={"result_kind": "map"}, timeout=60).raise_for_status()
    status = finished(server[0], "batch/infer")
    assert "a map is no label" in " ".join(status["details"])
    assert np.array_equal(read(slicer.download_label("case_a", "original")), np.rint(wanted))


def test_model_and_log_can_be_looked_at(server):
    assert requests.get(f"{server[0]}/model/info/{MODEL}", timeout=60).json()["checksum"]
    weights = requests.get(f"{server[0]}/model/{MODEL}", timeout=60).content
    assert weights == (server[2] / "models/model.pt").read_bytes()
    assert "Infer Request" in requests.get(f"{server[0]}/logs/?lines=500&text=true", timeout=60).text
