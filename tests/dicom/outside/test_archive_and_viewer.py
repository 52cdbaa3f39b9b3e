"""An archive takes the objects by STOW-RS, and a viewer lists them and lays the map on its scan."""

import base64
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.pacs import DICOMWEB_PLUGIN, Browser, orthanc, query, store, viewer
from support.readings import UIDS, reading_of, stack_of, write_series

pytest.importorskip("highdicom")
from bundle.dicom.objects import write_objects

OHIF = Path(os.environ.get("OHIF_DIST", "no folder"))
PICTURE = np.full((200, 300, 3), 60, np.uint8)
has_orthanc = bool(shutil.which("Orthanc")) and Path(DICOMWEB_PLUGIN).exists()
pytestmark = pytest.mark.skipif(not has_orthanc, reason="needs Orthanc: apt-get install orthanc orthanc-dicomweb")
needs_viewer = pytest.mark.skipif(
    not (OHIF.is_dir() and shutil.which("chromium")), reason="needs OHIF in OHIF_DIST and chromium: make test-dicom"
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Root of an archive that holds a study and its objects, and what it said when it got them."""
    folder = tmp_path_factory.mktemp("archive")
    write_series(folder / "study", size=(96, 96), steps=tuple(range(0, 60, 3)), spacing=(2.0, 2.0))
    reading = reading_of(stack_of(folder / "study"), box=(slice(30, 60), slice(40, 56)))
    write_objects(reading, folder / "objects", {reading.top_slice: PICTURE})
    with orthanc(folder) as root:
        yield root, store(root, [*(folder / "study").iterdir(), *(folder / "objects").iterdir()])


def test_the_archive_takes_every_object_into_the_study(archive):
    root, answer = archive
    assert answer == (24, 0)
    assert len(query(root, "studies")) == 1
    found = query(root, f"studies/{UIDS['StudyInstanceUID']}/series")
    assert sorted(series["00080060"]["Value"][0] for series in found) == ["CT", "OT", "OT", "SEG", "SR"]


@needs_viewer
def test_the_viewer_lists_all_objects_and_opens_the_map(archive, tmp_path):
    root = archive[0]
    with viewer(OHIF, root) as address:
        study = f"{address}/viewer?StudyInstanceUIDs={UIDS['StudyInstanceUID']}"
        browser = Browser(tmp_path / "profile")
        try:
            browser.call("Page.navigate", url=study)
            assert browser.wait_for("document.body.innerText.includes('(1/20)')")
            text = browser.value("document.body.innerText")
            assert all(name in text for name in ("PMAP", "SEG", "SR", "Attribution map", "Key slices"))
            assert "Doe" not in text
            browser.call("Page.navigate", url=f"{study}&initialSeriesInstanceUID={_series(root, 'Attribution map')}")
            # a viewer that could lay the map on its scan scales both from 0 to 100
            assert browser.wait_for("document.body.innerText.replace(/\\s+/g, ' ').includes('W: 100')")
            shot = base64.b64decode(browser.call("Page.captureScreenshot")["data"])
            (Path(os.environ.get("OHIF_SHOTS", tmp_path)) / "map.png").write_bytes(shot)
        finally:
            browser.close()
        assert browser.errors == []


def _series(root, description):
    """UID of the series whose description begins so."""
    found = query(root, f"studies/{UIDS['StudyInstanceUID']}/series?includefield=0008103E")
    [uid] = [
        series["0020000E"]["Value"][0]
        for series in found
        if series.get("0008103E", {}).get("Value", [""])[0].startswith(description)
    ]
    return uid
