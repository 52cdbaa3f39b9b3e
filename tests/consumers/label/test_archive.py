"""The server over a DICOMweb archive, asked as OHIF asks, and OHIF itself."""

import base64
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from support.dicom_files import save, slice_of
from support.label_bundle import write_bundle
from support.label_server import label_server, ohif_infer
from support.pacs import DICOMWEB_PLUGIN, Browser, orthanc, store

pytest.importorskip("monailabel", reason="needs MONAI Label: make test-label")
import requests

has_orthanc = bool(shutil.which("Orthanc")) and Path(DICOMWEB_PLUGIN).exists()
pytestmark = pytest.mark.skipif(not has_orthanc, reason="needs Orthanc: apt-get install orthanc orthanc-dicomweb")
SHAPE = (24, 32, 6)
"""Columns, rows, slices."""
RUN = "[...document.querySelectorAll('button')].find(each => each.innerText.trim() == 'Run')"
CONNECT = "document.querySelector('.settingsTable button')"
ADDRESS = "document.getElementById('monailabelServerURL')"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of the server, and the headers of a slice of the one series that the archive holds."""
    folder = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(0)
    for index in range(SHAPE[2]):
        image = slice_of(index, (-10, -20, 3 * index), size=SHAPE[1::-1])
        image.PixelData = rng.integers(0, 2000, SHAPE[1::-1]).astype("<i2").tobytes()
        save(image, folder / "study")
    with orthanc(folder) as root:
        store(root, list((folder / "study").iterdir()))
        with label_server(write_bundle(folder / "lgm_vit", ("CT",)), root, folder) as (address, _):
            yield address, image


def test_a_series_gets_findings_on_its_grid_and_keeps_a_label_without_a_header(server, tmp_path):
    address, image = server
    uid = str(image.SeriesInstanceUID)
    answer = ohif_infer(address, uid)
    assert answer.status_code == 200, answer.text
    (tmp_path / "a.nrrd").write_bytes(answer.content)
    labels = SimpleITK.ReadImage(str(tmp_path / "a.nrrd"))
    assert labels.GetSize() == SHAPE
    assert np.allclose(labels.GetOrigin(), (-10, -20, 0))
    assert set(np.unique(SimpleITK.GetArrayFromImage(labels))) == {0, 1}
    voxels = np.zeros(SHAPE[::-1], np.uint8)
    voxels[2, 3, 4] = 1
    form = {
        "params": (None, json.dumps({"label_info": [{"name": "finding"}]})),
        "label": ("label.bin", voxels.tobytes()),
    }
    kept = requests.put(f"{address}/datastore/label", params={"image": uid}, files=form, timeout=60)
    assert kept.json()["label"] == uid
    [row] = requests.get(f"{address}/datastore/?output=train", timeout=60).json()
    label = SimpleITK.ReadImage(row["label"])
    assert np.array_equal(SimpleITK.GetArrayFromImage(label), voxels)
    assert np.allclose(label.GetOrigin(), labels.GetOrigin())


def test_next_sample_leads_to_the_study_and_no_name_is_told(server):
    address, image = server
    sample = requests.post(f"{address}/activelearning/first", json={}, timeout=60).json()
    assert sample == {} or sample["StudyInstanceUID"] == str(image.StudyInstanceUID)
    info = requests.get(f"{address}/datastore/image/info", params={"image": str(image.SeriesInstanceUID)}, timeout=60)
    assert str(image.StudyInstanceUID) in info.text
    assert str(image.PatientName) not in info.text


def test_what_the_archive_does_not_hold_is_not_found(server):
    answer = ohif_infer(server[0], "1.2.3.4")
    assert answer.status_code == 404
    assert "must hold one series 1.2.3.4" in answer.json()["detail"]


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium: apt-get install chromium")
def test_ohif_shows_the_findings(server, tmp_path):
    address, image = server
    browser = Browser(tmp_path / "profile")
    try:
        browser.call("Page.navigate", url=f"{address}/ohif/monai-label?StudyInstanceUIDs={image.StudyInstanceUID}")
        assert browser.wait_for(f"!!{ADDRESS} && document.body.innerText.includes('/{SHAPE[2]})')")
        browser.value(
            f"Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call({ADDRESS}, '{address}/')"
        )
        for _ in range(2):  # the first press goes to the address that stood there
            browser.value(f"{CONNECT}.click()")
            browser.wait_for(f"!!{RUN}", seconds=5)
        assert browser.wait_for(f"!!{RUN}")
        browser.wait_for("false", seconds=3)  # it lays out its segments a second later
        browser.value(f"{RUN}.click()")
        assert browser.wait_for("document.body.innerText.includes('Running Segmentation - Successful')")
        shot = base64.b64decode(browser.call("Page.captureScreenshot")["data"])
        (Path(os.environ.get("OHIF_SHOTS", tmp_path)) / "label.png").write_bytes(shot)
    finally:
        browser.close()
    assert browser.errors == []
