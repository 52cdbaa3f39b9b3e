"""The wheel in an environment of its own: everything from phantoms to an inference, in a folder that holds nothing.

Skipped unless `make test-wheel` names the environment.
"""

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

BIN = os.environ.get("WHEEL_BIN")
pytestmark = [
    pytest.mark.skipif(not BIN, reason="WHEEL_BIN names no environment with the wheel: run make test-wheel"),
    pytest.mark.slow,
]
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

with open(sys.argv[1]) as file:
    sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read()))
"""
SMALL = ["--image_size", "32", "--max_epochs", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(scope="module")
def command(folder):
    """Run lgm-vit in the empty folder, without a way to the checkout; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments, status=0):
        typed = [Path(BIN) / "lgm-vit", *map(str, arguments)]
        done = subprocess.run(typed, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def archive(command, folder):
    command("phantoms", "data", "--cases", 12, "--shape", 32, 32, 6, "--quiet")
    assert "0 errors" in command("check", "--dataset_dir", "data")
    run = ["--dataset_dir", "data", "--output_dir", "runs/mine", *SMALL]
    command("train", *run)
    command("evaluate", *run)
    command("pack", "runs/mine", "lgm_vit.zip")
    return folder / "lgm_vit.zip"


def test_nothing_of_the_checkout_is_used(command):
    root = Path(command("--root").strip())
    assert Path(BIN).parent in root.parents
    assert (root / "configs/train.json").read_bytes() == (ROOT / "configs/train.json").read_bytes()
    assert "did you mean train?" in command("trian", status=2)
    assert command("knobs", "seed").startswith("seed (Training)")


def test_a_bundle_is_trained_packed_gated_and_infers(archive, command, folder):
    told = command("gate", archive)
    assert told.endswith("passes\n")
    zipfile.ZipFile(archive).extractall(folder)
    case = sorted((folder / "data").glob("*/*_t1.nii.gz"))[0].parent
    images = [str(case / f"{case.name}_{channel}.nii.gz") for channel in ("t1", "t2", "flair")]
    command("infer", "--bundle_root", "lgm_vit", "--dataset_dir", [images], "--output_dir", "results")
    assert (folder / "results" / case.name / "slices.csv").is_file()
    assert {path.name for path in folder.iterdir()} == {
        *("data", "runs", "cache", "lgm_vit.zip", "lgm_vit", "results", "contact_sheet.png")
    }
    assert not (Path(command("--root").strip()) / "cache").exists()


def test_the_code_of_the_wheel_is_that_of_the_checkout(archive):
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            inner = name.partition("/")[2]
            if inner.startswith(("bundle/", "scripts/", "LICENSE")):
                assert file.read(name) == (ROOT / inner).read_bytes(), name


def test_the_bill_of_materials_is_valid(archive, tmp_path):
    bill = tmp_path / "sbom.json"
    with zipfile.ZipFile(archive) as file:
        bill.write_bytes(file.read("lgm_vit/sbom.cdx.json"))
    python = Path(BIN) / "python"
    if subprocess.run([python, "-c", "import cyclonedx"], capture_output=True).returncode:
        pytest.skip("cyclonedx-python-lib is absent: make test-wheel fetches it where it can")
    subprocess.run([python, "-c", VALIDATE, bill], check=True)
    assert {"torch", "monai", "numpy"} <= {part["name"] for part in json.loads(bill.read_text())["components"]}
