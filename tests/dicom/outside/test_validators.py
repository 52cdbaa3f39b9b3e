"""Validators and readers of others take every object: `make test-dicom` runs this with all of them in place."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED
from support.readings import GEOMETRIES, reading_of, write_enhanced, write_series

pytest.importorskip("highdicom")
pytest.importorskip("SimpleITK")
import SimpleITK

from bundle.dicom import find_stacks, read_headers
from bundle.dicom.objects import write_objects

DCMQI = Path(os.environ.get("DCMQI_BIN", "no folder"))
REAL = {
    "ct_3slice_liver_seg": "dicom/ct_3slice_liver_seg/image",
    "mr_gbm": "dicom/mr_gbm_PGBM-003",
    "ct_variable_tilt": "dicom_qa/ct_ge_variable_tilt",
    "mr_enhanced_philips": "dicom_qa/mr_enhanced_philips",
    "mr_sagittal_prone": "dicom_qa/mr_sagittal_prone",
}
PICTURE = np.full((60, 90, 3), 90, np.uint8)
needs_dicom3tools = pytest.mark.skipif(
    not shutil.which("dciodvfy"), reason="needs dciodvfy: apt-get install dicom3tools"
)
needs_dcmtk = pytest.mark.skipif(not shutil.which("dsrdump"), reason="needs dsrdump: apt-get install dcmtk")
needs_dcmqi = pytest.mark.skipif(not DCMQI.is_dir(), reason="needs dcmqi 1.5.7 in DCMQI_BIN: make test-dicom")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return reading and files of a study by its name; each is written once."""
    known = {}

    def of(name):
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            reading = _reading(name, folder / "study")
            known[name] = reading, write_objects(reading, folder / "objects", {reading.top_slice: PICTURE}).files
        return known[name]

    return of


def _reading(name, folder):
    if name in REAL:
        source = SHARED / "data/formats" / REAL[name]
        if not source.is_dir():
            pytest.skip(f"needs ../shared/data/formats/{REAL[name]}")
        stacks, _ = find_stacks(read_headers(source))
        return reading_of(next(stack for stack in stacks if not stack.problems))
    if name == "enhanced":
        write_enhanced(folder)
    elif name == "contrasts":
        write_series(folder)
        write_series(folder, first=100, SeriesInstanceUID="1.2.7", SeriesNumber=8)
    else:
        write_series(folder, **GEOMETRIES.get(name, {}))
    stacks, _ = find_stacks(read_headers(folder))
    more = {"contrasts": {"further": (stacks[-1],)}, "negative": {"positive": False}}
    more["classes"] = {"classes": ("tumor", "Blutung")}
    return reading_of(stacks[0], **more.get(name, {}))


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout + done.stderr


ALL = [*GEOMETRIES, "enhanced", "contrasts", "negative", "classes", *REAL]


@needs_dicom3tools
@pytest.mark.parametrize("name", ALL)
def test_dciodvfy_finds_no_error(made, name):
    said = {kind: run("dciodvfy", file)[1].splitlines() for kind, file in made(name)[1].items()}
    # one real source says that it is de-identified and not how; its objects say the same
    own = "Element=<DeidentificationMethod"
    errors = {kind: [li for li in lines if li.startswith("Error") and own not in li] for kind, lines in said.items()}
    assert {kind: lines for kind, lines in errors.items() if lines} == {}


@needs_dcmtk
@pytest.mark.parametrize("name", ALL)
def test_dsrdump_reads_the_report(made, name):
    status, text = run("dsrdump", made(name)[1]["sr"])
    assert (status, "Comprehensive 3D SR" in text, "Present" in text or "Absent" in text) == (0, True, True)


@needs_dcmqi
@pytest.mark.parametrize("name", ALL)
def test_dcmqi_reads_the_report(made, tmp_path, name):
    files = made(name)[1]
    status, text = run(DCMQI / "tid1500reader", "--inputDICOM", files["sr"], "--outputMetadata", tmp_path / "sr.json")
    assert status == 0, text
    assert json.loads((tmp_path / "sr.json").read_text())["SeriesDescription"].startswith("Findings")


@needs_dcmqi
@pytest.mark.parametrize("name", [name for name in ALL if name not in ("uneven", "ct_variable_tilt", "negative")])
def test_dcmqi_gives_back_map_and_segmentation_in_their_place(made, tmp_path, name):
    reading, files = made(name)
    for tool, option, kind in (("paramap2itkimage", "-n", "map"), ("segimage2itkimage", "-p", "seg")):
        status, text = run(DCMQI / tool, "--inputDICOM", files[kind], "--outputDirectory", tmp_path, option, kind)
        assert status == 0, text
    [found] = tmp_path.glob("map*.nrrd")
    shown = SimpleITK.ReadImage(str(found))
    values = SimpleITK.GetArrayFromImage(shown).transpose(2, 1, 0)
    planes = reading.stack.planes
    x, y, z = np.argwhere(reading.attribution == 1)[0].tolist()
    np.testing.assert_allclose(values, reading.attribution, atol=1e-6)
    where = np.array(shown.TransformIndexToPhysicalPoint([x, y, z]))
    row, column = np.reshape(planes[z].orientation, (2, 3))
    true = planes[z].position + x * planes[z].spacing[1] * row + y * planes[z].spacing[0] * column
    off = where - true
    if "tilt" in reading.stack.flags:  # the reader stacks slices upright: only the place along the normal is kept
        off = np.cross(row, column) @ off
    np.testing.assert_allclose(off, 0, atol=1e-3)
    [found] = tmp_path.glob("seg*.nrrd")
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(found))).transpose(2, 1, 0)
    assert int((mask > 0).sum()) == int((reading.labels > 0).sum())


@needs_dcmqi
@pytest.mark.parametrize("name", ["uneven"])
def test_a_reader_that_holds_even_spacing_only_says_so(made, tmp_path, name):
    status, text = run(DCMQI / "paramap2itkimage", "--inputDICOM", made(name)[1]["map"], "--outputDirectory", tmp_path)
    assert status != 0 or "spacing" in text.lower()
