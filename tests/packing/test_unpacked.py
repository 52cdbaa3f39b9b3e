"""The unpacked archive in processes of their own, in another folder, without the repository on any path."""

import csv
import json
import re
import runpy
import shlex
import shutil
import sys
import textwrap

import nibabel
import numpy as np
import onnxruntime
import pytest
import torch
from conftest import SHARED
from monai.bundle import __main__ as monai_bundle
from monai.bundle import verify_metadata

from bundle.networks import SliceViT

SCHEMA = SHARED / "schema/meta_schema_20240725.json"


@pytest.fixture
def copy(unpacked, tmp_path):
    """A copy of the unpacked bundle that a test may write into, beside the other one."""
    shutil.copytree(unpacked / "other", tmp_path / "place/other")
    return shutil.copytree(unpacked / "lgm_vit", tmp_path / "place/lgm_vit")


@pytest.fixture
def elsewhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


def state(bundle):
    return torch.load(bundle / "models/model.pt", weights_only=True)


def network(bundle):
    """Return the packed network, built without MONAI."""
    vit = SliceViT(image_size=32, patch_size=8, hidden_size=32, num_layers=2, num_heads=2)
    vit.load_state_dict(state(bundle), strict=True)
    return vit.eval()


IN_ONE_PROCESS = """
import sys, torch
from monai import bundle as monai_bundle

place, cases, image, target = sys.argv[1:]
for name in ("lgm_vit", "other"):
    for workflow in ("train", "inference"):
        network = monai_bundle.load(name, bundle_dir=place, workflow_type=workflow)
        weights = torch.load(f"{place}/{name}/models/model.pt", weights_only=True)
        same = network.state_dict().keys() == weights.keys()
        same = same and all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())
        print("loaded", name, workflow, same, sys.modules["bundle"].__file__)
root = f"{place}/lgm_vit"
meta = f"{root}/configs/metadata.json"
for names, kind, data in (
    (["train"], "train", cases), (["train", "evaluate"], "train", cases), (["inference"], "inference", image)
):
    workflow = monai_bundle.ConfigWorkflow(
        [f"{root}/configs/{name}.json" for name in names],
        meta_file=meta,
        logging_file=False,
        workflow_type=kind,
        bundle_root=root,
        dataset_dir=data,
        cache_dir=f"{target}/cache",
    )
    workflow.initialize()
    print("properties", names, workflow.check_properties())
for name in ("train", "inference"):
    files = {"meta_file": meta, "config_file": f"{root}/configs/{name}.json", "bundle_root": root}
    monai_bundle.verify_net_in_out("network_def", device="cpu", **files)
print("done")
"""


def test_load_check_and_verify_beside_another_bundle(unpacked, phantoms, elsewhere, python):
    image = phantoms / "phantom_000/phantom_000_t1.nii.gz"
    printed = python("-c", IN_ONE_PROCESS, unpacked, phantoms, image, elsewhere, cwd=elsewhere).splitlines()
    module = unpacked / "lgm_vit/bundle/__init__.py"
    assert [line for line in printed if line.startswith(("loaded", "properties", "done"))] == [
        f"loaded lgm_vit train True {module}",
        f"loaded lgm_vit inference True {module}",
        f"loaded other train True {module}",
        f"loaded other inference True {module}",
        "properties ['train'] []",
        "properties ['train', 'evaluate'] []",
        "properties ['inference'] []",
        "done",
    ]


def test_train_continues_in_the_bundle_and_evaluates(copy, phantoms, elsewhere, python):
    before = state(copy)
    config, options = copy / "configs/train.json", ("--bundle_root", copy, "--dataset_dir", phantoms, "--seed", "5")
    python("-m", "monai.bundle", "run", "--config_file", config, *options, cwd=elsewhere)
    after = state(copy)
    assert after.keys() == before.keys()
    assert not torch.equal(after["head.weight"], before["head.weight"])
    both = repr([str(config), str(copy / "configs/evaluate.json")])
    python("-m", "monai.bundle", "run", "--config_file", both, *options, cwd=elsewhere)
    assert "f1" in json.loads((copy / "runs/lgm_vit/metrics.json").read_text())["slice"]
    assert not list(elsewhere.iterdir())


def test_infers_with_the_threshold_of_the_run(copy, phantoms, elsewhere, run_folder, python):
    case = sorted(path for path in phantoms.iterdir() if path.is_dir())[0]
    images = [str(case / f"{case.name}_{channel}.nii.gz") for channel in ("t1", "t2", "flair")]
    config, output = copy / "configs/inference.json", elsewhere / "results"  # bundle_root is where the config lies
    options = ("--dataset_dir", repr([images]), "--output_dir", output)
    python("-m", "monai.bundle", "run", "--config_file", config, *options, cwd=elsewhere)
    (result,) = output.glob("*/slices.csv")
    rows = list(csv.DictReader(result.open()))
    summary = json.loads((result.parent / "summary.json").read_text())
    volume, attribution = nibabel.load(images[0]), nibabel.load(result.parent / "attribution.nii.gz")
    assert len(rows) == 6
    scores = json.loads((run_folder / "metrics.json").read_text())
    assert summary["threshold"] == scores["threshold"]
    assert summary["volume_threshold"] == scores["volume"]["max"]["threshold"]
    assert summary["positive"] == (summary["volume"]["max"] >= summary["volume_threshold"])
    np.testing.assert_allclose(attribution.affine, volume.affine, atol=1e-6)
    assert attribution.shape == volume.shape


@pytest.mark.skipif(not SCHEMA.exists(), reason="the schema of metadata is not part of the repository")
def test_metadata_is_valid(unpacked, tmp_path):
    schema = shutil.copy(SCHEMA, tmp_path / "schema.json")  # it exists, so nothing is downloaded
    verify_metadata(unpacked / "lgm_vit/configs/metadata.json", filepath=schema)


def commands(bundle):
    """Return the commands of the card that use MONAI beside `run`, for this bundle, as words."""
    card = (bundle / "docs/README.md").read_text().replace("/path/to/lgm_vit", str(bundle))
    found = re.findall(r"python -m monai\.bundle ((?:verify|ckpt|onnx)_.+?)\n\n", card, re.DOTALL)
    return {words[0]: words for words in (shlex.split(text.replace("\\\n", " ")) for text in found)}


def test_verification_and_torchscript_by_the_commands_of_the_card(unpacked, elsewhere, python):
    """Without bundle_root, as the model zoo's checks call them with it: to script is the default."""
    for name in ("verify_net_in_out", "ckpt_export"):
        python("-m", "monai.bundle", *commands(unpacked / "lgm_vit")[name], cwd=elsewhere)
    script = torch.jit.load(elsewhere / "model.ts").eval()
    for batch in (1, 5):
        image = torch.rand(batch, 3, 32, 32)
        with torch.no_grad():
            torch.testing.assert_close(script(image), network(unpacked / "lgm_vit")(image), atol=1e-6, rtol=1e-6)


@pytest.mark.no_cover
def test_onnx_at_two_batch_sizes_by_the_command_of_the_card(copy, elsewhere, monkeypatch):
    """The command line in this process: a Python with nothing but requirements.txt has no ONNX."""
    monkeypatch.setattr(sys, "argv", [monai_bundle.__file__, *commands(copy)["onnx_export"]])
    monkeypatch.setattr(sys, "path", [*sys.path])  # the config puts the bundle there
    monkeypatch.chdir(elsewhere)
    runpy.run_path(monai_bundle.__file__, run_name="__main__")
    session = onnxruntime.InferenceSession(elsewhere / "model.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        image = torch.rand(batch, 3, 32, 32)
        (logits,) = session.run(None, {"x": image.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(logits, network(copy)(image).numpy(), atol=1e-5, rtol=1e-4)


@pytest.mark.no_cover
def test_torch_export_by_the_lines_of_the_card(copy, elsewhere, monkeypatch):
    card = (copy / "docs/README.md").read_text().replace('"/path/to"', repr(str(copy.parent)))
    [lines] = re.findall(r"\n((?:    .+\n)+    torch\.export\.save.+\n)", card)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(sys, "path", [*sys.path])
    exec(textwrap.dedent(lines), {})
    image = torch.rand(5, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(torch.export.load(elsewhere / "model.pt2").module()(image), network(copy)(image))


def test_the_script_packs_from_any_folder(copy, run_folder, elsewhere, archive, python):
    target = elsewhere / "again.zip"
    printed = python(copy / "scripts/pack_bundle.py", run_folder, target, cwd=elsewhere)
    assert printed.splitlines()[-1] == str(target)
    assert target.read_bytes() == archive.read_bytes()
