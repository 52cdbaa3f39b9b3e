"""Commands that read and prepare studies: what the terminal cannot show, and Ctrl-C."""

import io
import runpy
import sys

import pytest
from conftest import ROOT

pytest.importorskip("pydicom", minversion="3")
pytest.importorskip("highdicom", reason="needs the extra dicom")
from support.dicom_files import save, slice_of

import bundle.clinic
import bundle.dicom


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a script on the folder `in` under a terminal without Japanese; return exit status, output and errors."""

    def run(script):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors=how) for how in ("strict", "replace")]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        monkeypatch.setattr(
            sys, "argv", [script, str(tmp_path / "in"), "--output_dir", str(tmp_path / "out"), "--identify"]
        )
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "scripts" / script), run_name="__main__")
        for stream in streams:
            stream.flush()
        return ended.value.code, *(stream.buffer.getvalue().decode("latin-1") for stream in streams)

    return run


def test_a_name_that_the_terminal_cannot_show_stops_nothing(tmp_path, run):
    for study, patient in enumerate(("山田", "4711")):
        for number in range(3):
            about = {"SpecificCharacterSet": "ISO_IR 192", "PatientID": patient, "StudyInstanceUID": f"1.2.{study}"}
            save(slice_of(10 * study + number, (0, 0, 3 * number), **about), tmp_path / "in")
    status, output, _ = run("prepare_study.py")
    assert status == 0
    assert "\\u5c71\\u7530_1.2.0:" in output
    assert "4711_1.2.1:" in output


def test_reading_tells_such_a_name_too(tmp_path, run, monkeypatch):
    outcome = bundle.clinic.StudyOutcome(tmp_path, "read", "山田: present")
    monkeypatch.setattr(bundle.clinic, "StudyNetwork", lambda *_: None)
    monkeypatch.setattr(bundle.clinic, "read_studies", lambda *given: given[-1](outcome) or [outcome])
    assert run("read_study.py")[:2] == (0, "\\u5c71\\u7530: present\n")


@pytest.mark.parametrize("script", ["read_study.py", "prepare_study.py"])
def test_an_interrupt_is_one_line(run, monkeypatch, script):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle.clinic, "StudyNetwork", interrupted)
    monkeypatch.setattr(bundle.dicom, "prepare_study", interrupted)
    assert run(script) == (130, "", "error: ended by ctrl-C; studies that were finished are whole\n")
