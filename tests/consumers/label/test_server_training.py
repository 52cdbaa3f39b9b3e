"""Training by the requests of a client, on the server of MONAI Label; `make test-label` runs it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

pytest.importorskip("monailabel", reason="MONAI Label is not installed: make test-label")
import psutil
import requests

TIMEOUT_S = 600


def until(found, what):
    """Wait until `found` returns something, and return it."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.2)
    raise AssertionError(f"{what} took longer than {TIMEOUT_S} seconds")


class Client:
    def __init__(self, process, port):
        self.process, self.address = process, f"http://127.0.0.1:{port}"

    def get(self, path):
        try:
            answer = requests.get(f"{self.address}{path}", timeout=60)
        except requests.ConnectionError:
            assert self.process.poll() is None
            return None
        return answer.json() if answer.ok else None

    def label(self, image, file):
        with file.open("rb") as stream:
            answer = requests.put(
                f"{self.address}/datastore/label",
                params={"image": image, "tag": "final"},
                data={"params": "{}"},
                files={"label": (file.name, stream)},
                timeout=60,
            )
        assert answer.ok, answer.text

    def train(self, **options):
        answer = requests.post(f"{self.address}/train/lgm_vit", json={"device": "cpu", **options}, timeout=60)
        assert answer.ok, answer.text

    def ended(self):
        def ended():
            task = self.get("/train/")
            return task if task and task["status"] not in ("SUBMITTED", "RUNNING") else None

        return until(ended, "the training")

    @property
    def stats(self):
        return self.get("/info/")["train_stats"]["lgm_vit"]

    def version(self):
        params = {"image": "anna_scan0", "output": "json"}
        answer = requests.post(
            f"{self.address}/infer/lgm_vit", params=params, data={"params": '{"device": "cpu"}'}, timeout=300
        )
        assert answer.ok, answer.text
        found = answer.json()
        return found.get("params", found)["model"]["version"]


@pytest.fixture
def client(bundle, labels, tmp_path):
    """A client of a server whose labels came through the interface for labels."""
    kept = shutil.move(tmp_path / "studies/labels", tmp_path / "kept")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "scripts/label_server.py"), "--bundle", str(bundle)]
    command += ["--studies", str(tmp_path / "studies"), "--port", str(port), "--device", "cpu"]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
    client = Client(process, port)
    try:
        until(lambda: client.get("/info/"), "the start of the server")
        for case in labels:
            client.label(
                Path(case["image"]).name.removesuffix(".nii.gz"), Path(kept, "final", Path(case["label"]).name)
            )
        yield client
    finally:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


def in_use(bundle):
    folder = (bundle / "models/model.pt").resolve().parent
    thresholds = json.loads((bundle / "configs/inference.json").read_text())
    return (bundle / "models/model.pt").read_bytes(), thresholds, folder


def test_training_twice_and_killed_once(bundle, labels, client):
    client.train(max_epochs=2, patient="^[^_]+")
    assert client.ended()["status"] == "DONE"
    first = client.stats
    assert (first["status"], first["epoch"], first["patients"]) == ("done", 2, {"train": 2, "val": 1})
    weights, thresholds, folder = in_use(bundle)
    if first["replaced"]:
        assert json.loads((folder / "metrics.json").read_text())["threshold"] == thresholds["threshold"]
        assert client.version().endswith("+label.1")

    before = time.time()
    client.train(max_epochs=200, patient="^[^_]+")
    checkpoint = bundle / "runs/label/checkpoint.pt"
    until(lambda: checkpoint.exists() and checkpoint.stat().st_mtime > before, "the first epoch")
    assert client.get("/info/")["train_stats"]["lgm_vit"]["status"] == "running"
    for child in psutil.Process(client.process.pid).children():
        os.kill(child.pid, signal.SIGKILL)
    assert client.ended()["status"] == "ERROR"
    assert client.stats["status"] == "stopped"
    assert in_use(bundle) == (weights, thresholds, folder)
    assert client.version()

    image = Path(labels[2]["image"])
    image.write_bytes(image.read_bytes()[:-200])
    client.train(max_epochs=1, patient="^[^_]+")
    task = client.ended()
    assert task["status"] == "ERROR"
    assert "ben_scan2.nii.gz must be a whole file" in task["details"][-1]
    assert "ben_scan2.nii.gz must be a whole file" in client.stats["reason"]
    assert in_use(bundle) == (weights, thresholds, folder)
