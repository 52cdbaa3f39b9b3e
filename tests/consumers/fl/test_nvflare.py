"""Federations by NVFlare itself, as `scripts/federate.py` starts them; `make test-fl` installs it."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support.bundle import ROOT

from bundle.files import read_json
from bundle.packing import pack_bundle

pytest.importorskip("nvflare", reason="NVFlare is absent: make test-fl installs it")
psutil = pytest.importorskip("psutil")


def start(plan, folder, *options):
    """Start the command."""
    command = [sys.executable, ROOT / "scripts/federate.py", plan, "--output_dir", folder, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def end(process):
    """Return exit status and the last lines; nothing that it started goes on."""
    started = psutil.Process(process.pid).children(recursive=True)
    try:
        printed, _ = process.communicate(timeout=900)
    finally:
        for left in [process, *started]:
            with suppress(psutil.NoSuchProcess):
                left.kill()
    return process.returncode, printed[-3000:]


def files_below(*folders):
    return [path for folder in folders for path in Path(folder).rglob("*") if path.is_file()]


def test_three_sites_one_without_masks(write_plan, hospitals, tmp_path):
    status, printed = end(start(write_plan(tmp_path), tmp_path))
    assert status == 0, printed
    assert "evaluated, and ready to pack" in printed
    pack_bundle(tmp_path, tmp_path / "lgm_vit.zip")
    record = read_json(tmp_path / "server/federation.json")
    assert [numbers["supervised"] > 0 for numbers in record["rounds"][0].values()] == [True, True, False]

    cases = [folder.name for folder in hospitals.glob("*/*") if folder.is_dir()]
    assert len(cases) == 15
    known = {name for site in "ABC" for name in cases if name.encode() in (tmp_path / site / "split.json").read_bytes()}
    assert known == set(cases)  # a site knows its cases
    server = files_below(tmp_path / "server", tmp_path / "nvflare/lgm_vit/server")
    logs = files_below(*(tmp_path / f"nvflare/lgm_vit/{site}" for site in "ABC"))
    assert len(server) > 5
    named = [path for path in [*server, *logs] if any(case.encode() in path.read_bytes() for case in cases)]
    assert named == []


def test_a_site_with_other_channels_ends_the_federation_with_its_reason(write_plan, tmp_path):
    status, printed = end(start(write_plan(tmp_path, {"B": {"finder#channels": ["t1", "t2"]}}), tmp_path))
    assert status == 1
    assert "error: B: DataProblems" in printed
    assert "must make 3 channels" in printed
    assert not any("must make 3" in path.read_text(errors="ignore") for path in files_below(tmp_path / "nvflare"))


def test_a_killed_site_ends_the_federation(write_plan, tmp_path):
    process = start(write_plan(tmp_path, rounds=50), tmp_path)
    record, deadline = tmp_path / "server/federation.json", time.monotonic() + 600
    while not record.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.5)
    started = psutil.Process(process.pid).children(recursive=True)
    (worker,) = [each for each in started if "--client B" in " ".join(each.cmdline())]
    worker.kill()
    status, printed = end(process)
    assert status == 1, printed
    assert "error: every site must answer, got no process of B any more" in printed


def test_a_job_for_real_sites_names_no_folder_of_data(write_plan, hospitals, tmp_path):
    status, printed = end(start(write_plan(tmp_path), tmp_path, "--how", "job"))
    assert status == 0, printed
    written = files_below(tmp_path / "job")
    assert any(path.name == "config_fed_client.json" for path in written)
    assert not any(str(hospitals).encode() in path.read_bytes() for path in written)
