"""Federations by NVFlare itself, as `scripts/federate.py` starts them; `make test-fl` installs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.bundle import ROOT

from bundle.files import read_json
from bundle.packing import pack_bundle

pytest.importorskip("nvflare", reason="NVFlare is absent: make test-fl installs it")


def start(plan, folder, *options):
    """Start the command; return its process, which leads a group."""
    command = [sys.executable, ROOT / "scripts/federate.py", plan, "--output_dir", folder, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def end(process):
    """Return exit status and the last lines; what it started and left is ended."""
    try:
        printed, _ = process.communicate(timeout=900)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
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
    (worker,) = workers_of("B", process.pid)
    os.kill(worker, signal.SIGKILL)
    status, printed = end(process)
    assert status == 1, printed
    assert "error: " in printed


def workers_of(site, group):
    """Return the processes of a group that NVFlare started for a site."""
    table = subprocess.run(["ps", "-eo", "pid,pgid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in table.splitlines()[1:]]
    return [int(pid) for pid, pgid, args in rows if f"--client {site}" in args or f"/{site}" in args.split("--")[0]]


def test_a_job_for_real_sites_names_no_folder_of_data(write_plan, hospitals, tmp_path):
    status, printed = end(start(write_plan(tmp_path), tmp_path, "--only", "job"))
    assert status == 0, printed
    written = files_below(tmp_path / "job")
    assert any(path.name == "config_fed_client.json" for path in written)
    assert not any(str(hospitals).encode() in path.read_bytes() for path in written)
