"""Inputs that inference accepts, and its results."""

import csv
import json

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from support.bundle import DATALIST, NETWORK, ended, infer, refused, start
from support.volumes import affine_of, noise, write_datalist, write_volume

from bundle.networks import SliceViT

FILES = ["attribution.nii.gz", "overlay.png", "slices.csv", "summary.json"]
SKEWED = affine_of("LPS", (0.7, 1.3, 4.0), tilt_deg=12.0)


@pytest.fixture(autouse=True)
def quick_pictures():
    """Draw in earnest, whatever the input."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return channels -> file with random weights."""
    folder, files = tmp_path_factory.mktemp("models"), {}
    for channels in (1, 3, 100):
        torch.manual_seed(0)
        files[channels] = folder / f"{channels}.pt"
        torch.save(SliceViT(**NETWORK, in_channels=channels).state_dict(), files[channels])
    return files


def slices_of(folder):
    with (folder / "slices.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def require_complete(folder, source):
    """A case folder has its four files, and the map has grid and place of its source."""
    assert sorted(path.name for path in folder.iterdir()) == FILES
    source, attribution = nibabel.load(source), nibabel.load(folder / "attribution.nii.gz")
    assert attribution.get_data_dtype() == np.float32
    assert attribution.shape == source.shape[:3]
    np.testing.assert_allclose(attribution.affine, source.affine, atol=1e-5)
    assert np.ptp(attribution.get_fdata()) > 0
    rows = slices_of(folder)
    assert len(rows) == source.shape[2]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["volume"]["max"] == pytest.approx(max(float(row["probability"]) for row in rows))
    assert Image.open(folder / "overlay.png").size[0] > 100


@pytest.fixture
def sources(tmp_path):
    """Return {case: file}: two 4D files with three channels."""
    folder = tmp_path / "in"
    return {name: write_volume(folder / f"{name}.nii.gz", noise(ord(name)), SKEWED) for name in "ab"}


def source_of(kind, sources, tmp_path):
    """Return what the user points at, and which case it should give."""
    folder = sources["a"].parent
    if kind == "file":
        return sources["a"], "a"
    if kind == "folder":
        return folder, "ab"
    if kind == "list":
        return [str(file) for file in sources.values()], "ab"
    if kind == "named":
        return [{"image": str(sources["a"]), "case": "b"}], "b"
    entries = [{"image": file.name, "case": name, "patient": name} for name, file in sources.items()]
    (folder / "list.json").write_text(json.dumps({"testing": entries}))
    return folder / "list.json", "ab"


@pytest.mark.parametrize("kind", ["file", "folder", "list", "named", "datalist"])
def test_every_source_gives_complete_case_folders(sources, models, tmp_path, kind):
    source, cases = source_of(kind, sources, tmp_path)

    output = infer(source, models[3], tmp_path / "out")

    assert sorted(path.name for path in output.iterdir()) == list(cases)
    for case in cases:
        require_complete(output / case, sources["a" if kind == "named" else case])


def test_one_file_a_channel_is_the_same_case(sources, models, tmp_path):
    image = nibabel.load(sources["a"])
    parts = [
        str(write_volume(tmp_path / "parts" / f"a_{k}.nii.gz", image.get_fdata(dtype=np.float32)[..., k], SKEWED))
        for k in range(3)
    ]
    together = infer(sources["a"], models[3], tmp_path / "together") / "a"
    apart = infer([{"image": parts, "case": "a"}], models[3], tmp_path / "apart") / "a"

    assert slices_of(together) == slices_of(apart)


def test_a_folder_through_the_overlay_of_its_data_set(models, tmp_path):
    data = write_datalist(tmp_path / "in", [(noise(0), None), (noise(1), None)])

    output = infer(data, models[3], tmp_path / "out", DATALIST)

    assert sorted(path.name for path in output.iterdir()) == ["case_0", "case_1"]


@pytest.mark.parametrize("channels", [1, 100])
def test_any_number_of_channels(models, tmp_path, channels):
    volume = noise(0, channels=channels)
    file = write_volume(tmp_path / "a.nii.gz", volume[..., 0] if channels == 1 else volume, SKEWED)

    require_complete(infer(file, models[channels], tmp_path / "out", in_channels=channels) / "a", file)


def test_one_slice_and_a_constant_channel(models, tmp_path):
    volume = noise(0, shape=(16, 12, 1))
    volume[..., 1] = 7.0
    file = write_volume(tmp_path / "a.nii.gz", volume, SKEWED)

    require_complete(infer(file, models[3], tmp_path / "out") / "a", file)


def test_a_bad_file_is_reported_and_the_others_have_their_results(sources, models, tmp_path):
    bad = tmp_path / "in" / "aa.nii.gz"
    bad.write_bytes(b"this is no volume")
    two = write_volume(tmp_path / "in" / "ab.nii.gz", noise(0, channels=2))
    output = tmp_path / "out"
    good = start("inference.json", dataset_dir=sources["a"], checkpoint=models[3], output_dir=tmp_path, **NETWORK)
    mixed = start("inference.json", dataset_dir=tmp_path / "in", checkpoint=models[3], output_dir=output, **NETWORK)

    assert ended(good)[0] == 0
    status, printed = ended(mixed)
    assert status == 1
    assert sorted(path.name for path in output.iterdir()) == ["a", "b"]
    assert "all 4 cases must have results, got 2 without" in printed
    assert str(bad) in printed
    assert f"{two}: image must have the network's 3 channels, got 2" in printed


def test_a_case_that_cannot_be_written_does_not_stop_the_others(sources, models, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "a").write_text("in the way of the folder")

    with refused(r"all 2 .* got 1 without:\n  a: .*out/a"):
        infer(sources["a"].parent, models[3], output)

    require_complete(output / "b", sources["b"])


def test_weights_that_diverged_give_no_negative_case(sources, tmp_path):
    broken = SliceViT(**NETWORK, in_channels=3).state_dict()
    broken["head.weight"].fill_(float("nan"))
    torch.save(broken, tmp_path / "broken.pt")

    with refused(r"broken\.pt must hold finite weights, got NaN or infinity in 1 of \d+, e\.g\. head\.weight"):
        infer(sources["a"].parent, tmp_path / "broken.pt", tmp_path / "out")

    assert not list((tmp_path / "out").glob("*"))


def test_scans_of_one_name_are_told_apart_by_their_folders(models, tmp_path):
    files = [write_volume(tmp_path / f"in/{name}/scan.nii.gz", noise(ord(name)), SKEWED) for name in "ab"]

    output = infer([str(file) for file in files], models[3], tmp_path / "out")

    assert sorted(path.name for path in output.iterdir()) == ["a_scan", "b_scan"]
    require_complete(output / "a_scan", files[0])


def test_a_data_folder_is_only_read(sources, models, tmp_path):
    folder = sources["a"].parent
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    folder.chmod(0o555)

    infer(folder, models[3], tmp_path / "out")

    folder.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before


def test_weights_of_another_network_are_refused(sources, models, tmp_path):
    with refused("got others .hidden_size 32, here 16."):
        infer(sources["a"], models[3], tmp_path / "out", hidden_size=16)


def test_weights_of_another_depth_are_refused(sources, models, tmp_path):
    with refused("got others .num_layers 2, here 3."):
        infer(sources["a"], models[3], tmp_path / "out", num_layers=3)


@pytest.mark.parametrize(("source", "reason"), [("nothing.nii.gz", r"nothing\.nii\.gz"), (".", "must hold volumes")])
def test_nothing_to_infer_is_an_error(models, tmp_path, source, reason):
    with refused(reason):
        infer(tmp_path / source, models[3], tmp_path / "out")
