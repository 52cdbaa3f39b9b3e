"""One tiny run a worker, packed and unpacked far from the repository, beside a second bundle with other weights."""

import json
import os
import shutil
import subprocess
import zipfile

import pytest
import torch
from support import processes
from support.bundle import ROOT, evaluate, train

from bundle.packing import pack_bundle
from bundle.packing.packed_files import FOLDERS, LICENSE
from bundle.phantoms import make_phantoms


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    return make_phantoms(tmp_path_factory.mktemp("data") / "phantoms", cases=8, shape=(32, 32, 6), progress=False)


@pytest.fixture(scope="session")
def run_folder(phantoms, tmp_path_factory):
    """A run of one epoch, evaluated."""
    folder = train(phantoms, tmp_path_factory.mktemp("run"), "methods/lgmvit.yaml", max_epochs=1)
    evaluate(phantoms, folder, "methods/lgmvit.yaml", max_epochs=1)
    return folder


@pytest.fixture
def run_copy(run_folder, tmp_path):
    """The run, to be spoilt."""
    return shutil.copytree(run_folder, tmp_path / "run")


@pytest.fixture
def change(run_copy):
    """Set entries of config.json of the run."""

    def change(**entries):
        file = run_copy / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))
        return run_copy

    return change


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """The bundle as it is now; the repository may be edited while tests run."""
    place = tmp_path_factory.mktemp("source")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, place / folder)
    shutil.copy(ROOT / LICENSE, place)
    return place


@pytest.fixture(scope="session")
def archive(run_folder, source, tmp_path_factory):
    return pack_bundle(run_folder, tmp_path_factory.mktemp("archive") / "lgm_vit.zip", source)


@pytest.fixture(scope="session")
def unpacked(archive, tmp_path_factory):
    """Folder that holds `lgm_vit`, from the archive, and `other`, the same with every weight halved."""
    place = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(archive) as file:
        file.extractall(place)
    weights = shutil.copytree(place / "lgm_vit", place / "other") / "models/model.pt"
    state = torch.load(weights, weights_only=True)
    torch.save({name: value / 2 if value.is_floating_point() else value for name, value in state.items()}, weights)
    return place


@pytest.fixture(scope="session")
def python():
    """Run a Python that has the dependencies and not the project; return what it printed.

    `make test-release` names one with nothing but requirements.txt.
    """
    program = os.environ.get("RELEASE_PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}

    def fresh(*words, cwd):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 300}
        done = subprocess.run([program, *map(str, words)], cwd=cwd, env=environment, **options)
        return done.returncode, done.stdout

    def python(*words, cwd):
        status, printed = fresh(*words, cwd=cwd) if program else processes.python(*words, cwd=cwd)
        assert status == 0, printed
        return printed

    return python
