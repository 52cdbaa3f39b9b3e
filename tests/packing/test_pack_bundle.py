"""Content of the archive, and refusals before there is one."""

import hashlib
import json
import os
import re
import runpy
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser
from support.bundle import NETWORK

from bundle.gate import gate
from bundle.packing import bundle_files, pack_bundle, write_archive
from bundle.packing.packed_files import linked_files

TEXTS = (".json", ".yaml", ".md", ".py", ".conf", ".j2", ".html", "LICENSE", "SHA256SUMS")


@pytest.fixture(scope="module")
def content(archive):
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return {name.removeprefix("lgm_vit/"): file.read(name) for name in file.namelist()}


def read(content, name):
    return json.loads(content[f"configs/{name}.json"])


def test_names(archive, content):
    names = zipfile.ZipFile(archive).namelist()
    assert all(name.startswith("lgm_vit/") for name in names)
    assert names == sorted(set(names))
    assert {name.split("/")[0] for name in content} == {
        *("bundle", "configs", "docs", "models", "scripts", "LICENSE", "SHA256SUMS", "sbom.cdx.json")
    }
    assert [name for name in content if name.startswith("models/")] == ["models/model.pt"]
    assert not [name for name in content if re.search(r"(^|/)(\.|__pycache__)", name)]
    assert {"configs/evaluate.json", "configs/multi_gpu_train.json", "configs/sizes/tiny.yaml"} <= set(content)


def test_the_archive_holds_the_model_and_not_the_workshop(content):
    workshop = r"bundle/(experiments|phantoms)/|configs/experiments/|docs/results/|scripts/benchmark|/performance\.md"
    assert [name for name in content if re.match(workshop, name)] == []
    scripts = {name for name in content if name.startswith("scripts/")}
    assert {"scripts/check_data.py", "scripts/knobs.py", "scripts/pack_bundle.py"} <= scripts
    assert not {f"scripts/{name}.py" for name in ("run_demo", "make_phantoms", "run_experiments", "search")} & scripts
    assert {"docs/README.md", "docs/knobs.md"} <= set(content)


def test_without_weights_it_is_under_a_megabyte(content, tmp_path):
    files = {name: value for name, value in content.items() if name not in ("models/model.pt", "SHA256SUMS")}
    assert write_archive(tmp_path / "a.zip", "lgm_vit", files).stat().st_size < 1_000_000
    assert sum(map(len, files.values())) < 2_000_000, "unpacked it is text, no more"


def test_links_of_packed_pages_lead_to_packed_files(content):
    pages = {name: value.decode() for name, value in content.items() if name.endswith(".md")}
    targets = {target for name, page in pages.items() for target in linked_files(name, page)}
    assert [target for target in targets if not any(f"{name}/".startswith(f"{target}/") for name in content)] == []


def test_sums_hold_for_every_file(content):
    lines = [line.split("  ") for line in content["SHA256SUMS"].decode().splitlines()]
    assert {name: value for value, name in lines} == {
        name: hashlib.sha256(value).hexdigest() for name, value in content.items() if name != "SHA256SUMS"
    }


def test_code_is_the_repository_s(content, source):
    for name, value in content.items():
        if name.startswith(("bundle/", "scripts/")) or name in ("LICENSE", "configs/evaluate.json"):
            assert value == (source / name).read_bytes(), name


def test_the_gate_lets_it_through(archive):
    report = gate(archive)
    assert report.passes, report.lines()


def test_the_same_run_gives_the_same_bytes(run_folder, source, archive, tmp_path):
    elsewhere = shutil.copytree(run_folder, tmp_path / "elsewhere", copy_function=shutil.copy)  # other dates
    assert pack_bundle(elsewhere, tmp_path / "again.zip", source).read_bytes() == archive.read_bytes()


def test_no_place_of_this_machine(content, run_folder, phantoms):
    for name, value in content.items():
        if name.endswith(TEXTS):
            found = [str(place) for place in (run_folder, phantoms, ROOT, Path.home()) if str(place) in value.decode()]
            assert not found, name


def test_configs_have_the_run_s_knobs(content, run_folder, source):
    train, inference = read(content, "train"), read(content, "inference")
    for config in (train, inference):
        assert {name: config[name] for name in NETWORK} == NETWORK
        assert config["network_def"] == train["network_def"]
        assert config["dataset_dir"] == "data"
        assert "cuda" in config["device"]
    assert train["max_epochs"] == 1
    assert train["model_dir"] == "$@bundle_root + '/models'"
    assert train["threshold"] == "validation"
    scores = json.loads((run_folder / "metrics.json").read_text())
    assert inference["threshold"] == scores["threshold"]
    assert ConfigParser(inference).get_parsed_content("volume_threshold") == scores["volume"]["max"]["threshold"]
    assert inference["finder"] is None
    assert list(train) == list(json.loads((source / "configs/train.json").read_text()))


def test_the_repository_keeps_the_paper_s_network():
    for name in ("train", "inference"):
        config = json.loads((ROOT / f"configs/{name}.json").read_text())
        assert (config["image_size"], config["patch_size"], config["hidden_size"]) == (256, 16, 768)
        assert (config["num_layers"], config["num_heads"]) == (12, 12)


def test_metadata_describes_the_network(content, run_folder):
    metadata, scores = read(content, "metadata"), json.loads((run_folder / "metrics.json").read_text())
    image = metadata["network_data_format"]["inputs"]["image"]
    assert (image["num_channels"], image["spatial_shape"]) == (3, [32, 32])
    assert image["channel_def"] == {"0": "t1", "1": "t2", "2": "flair"}
    assert metadata["network_data_format"]["outputs"]["pred"]["num_channels"] == 1
    assert metadata["eval_metrics"]["slice_f1"] == scores["slice"]["f1"]


def test_overlays_that_append_are_in_both_configs(run_folder, tmp_path):
    """`+preprocessing#transforms` of an overlay is merged in config.json, so inference preprocesses as training did."""
    config = json.loads((run_folder / "config.json").read_text())
    window = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -160, "a_max": 240}
    config["preprocessing"]["transforms"].append(window)
    config["normalize"] = "none"
    run = shutil.copytree(run_folder, tmp_path / "run")
    (run / "config.json").write_text(json.dumps(config))
    with zipfile.ZipFile(pack_bundle(run, tmp_path / "a.zip")) as file:
        for name in ("train", "inference"):
            packed = json.loads(file.read(f"lgm_vit/configs/{name}.json"))
            assert packed["preprocessing"]["transforms"][-1] == window
            assert packed["normalize"] == "none"


@pytest.mark.parametrize("name", ["config.json", "model.pt"])
def test_incomplete_run_is_refused(run_copy, tmp_path, name):
    (run_copy / name).unlink()
    with pytest.raises(ValueError, match=f"got no {name}: give the output_dir"):
        pack_bundle(run_copy, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_weights_that_do_not_fit_are_named_and_the_old_archive_stays(run_copy, tmp_path):
    state = torch.load(run_copy / "model.pt", weights_only=True)
    del state["norm.bias"]
    torch.save({**state, "foreign": torch.zeros(1), "head.weight": torch.zeros(1, 5)}, run_copy / "model.pt")
    (tmp_path / "a.zip").write_text("old")
    with pytest.raises(ValueError) as error:
        pack_bundle(run_copy, tmp_path / "a.zip")
    assert all(key in str(error.value) for key in ("norm.bias", "foreign", "head.weight"))
    assert (tmp_path / "a.zip").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "run"]


def test_knobs_of_another_network_are_refused(change, tmp_path):
    with pytest.raises(ValueError, match=r"num_layers 2, here 3"):
        pack_bundle(change(num_layers=3), tmp_path / "a.zip")


def test_path_of_the_machine_is_refused_by_its_id(change, tmp_path):
    finder = {"_target_": "bundle.data.ChannelFiles", "root": "/data/brats"}
    with pytest.raises(ValueError, match=r"finder#root '/data/brats'"):
        pack_bundle(change(finder=finder), tmp_path / "a.zip")


def test_a_list_of_the_split_stays_behind(change, tmp_path):
    with zipfile.ZipFile(pack_bundle(change(split_file="/data/split.json"), tmp_path / "a.zip")) as file:
        assert json.loads(file.read("lgm_vit/configs/train.json"))["split_file"] is None
        assert "from a list of cases" in file.read("lgm_vit/docs/README.md").decode()


def test_script_tells_an_error_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pack_bundle.py", str(tmp_path), str(tmp_path / "a.zip")])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit, match=r"^error: .*must hold config\.json and model\.pt") as error:
        runpy.run_path(str(ROOT / "scripts/pack_bundle.py"), run_name="__main__")
    assert len(str(error.value).splitlines()) == 1


@pytest.fixture
def root(tmp_path):
    for name in ("bundle/a.py", "configs/b/c.yaml", "docs/README.md", "scripts/d.py", "LICENSE", "Makefile", "runs/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_content_without_caches_and_hidden_files(root):
    for name in ("bundle/__pycache__/a.pyc", "bundle/.a.py.swp", "docs/.ipynb_checkpoints/x.md", ".git/config"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    names = ["bundle/a.py", "configs/b/c.yaml", "docs/README.md", "scripts/d.py", "LICENSE"]
    assert bundle_files(root) == {name: name.encode() for name in names}


def test_a_script_that_needs_the_workshop_is_left_out_and_one_beside_it_stays(root):
    workshop = {
        "a": "from bundle.experiments import Experiment",
        "b": "import bundle.phantoms.phantom",
        "c": "from benchmarks.figure import Figure",
        "d": "def main():\n    from bundle import experiments",
        "e": "import benchmarks",
    }
    model = {"f": "from bundle.data import split_cases", "g": "import bundle.experimental", "h": "# bundle.experiments"}
    for name, text in {**workshop, **model}.items():
        (root / f"scripts/{name}.py").write_text(text)
    scripts = [name for name in bundle_files(root) if name.startswith("scripts/")]
    assert scripts == ["scripts/f.py", "scripts/g.py", "scripts/h.py"]


def test_a_link_to_what_is_not_packed_becomes_text_and_pictures_nobody_shows_stay_behind(root):
    page = (
        "[c](../../configs/b/c.yaml#x) [r](../results/a.md) ![i](../images/i.png) [m](../../Makefile) "
        "[w](https://w.org) [b](../../configs)"
    )
    for name in ("docs/results/a.md", "docs/images/i.png", "docs/images/j.png", "docs/reference/speed.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "docs/how-to").mkdir()
    (root / "docs/how-to/a.md").write_text(page)
    files = bundle_files(root)
    assert sorted(name for name in files if name.startswith("docs/")) == [
        "docs/README.md", "docs/how-to/a.md", "docs/images/i.png",
    ]  # fmt: skip
    told = files["docs/how-to/a.md"].decode()
    assert told == page.replace("[r](../results/a.md)", "r").replace("[m](../../Makefile)", "m")


def test_missing_part_is_named(root):
    (root / "LICENSE").unlink()
    with pytest.raises(ValueError, match="got no LICENSE"):
        bundle_files(root)


def test_dates_modes_and_order_do_not_depend_on_the_machine(tmp_path):
    umask = os.umask(0o077)
    try:
        one = write_archive(tmp_path / "one.zip", "f", {"b": b"2", "a/x.pt": b"1"})
    finally:
        os.umask(umask)
    other = write_archive(tmp_path / "deep/er/other.zip", "f", {"a/x.pt": b"1", "b": b"2"})
    assert one.read_bytes() == other.read_bytes()
    for info in zipfile.ZipFile(one).infolist():
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert oct(info.external_attr >> 16) == "0o100644"


def test_sums_are_those_of_the_content(tmp_path):
    path = write_archive(tmp_path / "a.zip", "f", {"empty": b""})
    # the sha256 of nothing, as FIPS 180 users know it
    expected = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n"
    assert zipfile.ZipFile(path).read("f/SHA256SUMS") == expected


@pytest.mark.parametrize("name", ["/a", "../a", "a/../../b", "a//b", "./a", "a\\b", ""])
def test_names_that_would_escape_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="must hold relative names"):
        write_archive(tmp_path / "a.zip", "f", {name: b""})
    assert not list(tmp_path.iterdir())


def test_failure_leaves_the_old_archive_alone(tmp_path):
    path = write_archive(tmp_path / "a.zip", "f", {"a": b"old"})
    with pytest.raises(TypeError):
        write_archive(path, "f", {"a": b"new", "z": object()})
    with pytest.raises(UnicodeEncodeError):  # half way: the second name cannot be written
        write_archive(path, "f", {"a": b"new", "z\ud800": b""})
    assert zipfile.ZipFile(path).read("f/a") == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]


def test_thresholds_come_with_what_they_were_chosen_under(run_copy, source, tmp_path):
    member = shutil.copy(run_copy / "model.pt", tmp_path / "of_another_seed.pt")
    metrics = json.loads((run_copy / "metrics.json").read_text())
    ensemble = [{"file": str(member), "sha256": hashlib.sha256(Path(member).read_bytes()).hexdigest()}]
    position = {"bias": 0.5, "position": [0.25, -1.0]}
    changed = {"slice_smoothing": 0.75, "slice_position": position, "test_time_flip": True, "ensemble": ensemble}
    (run_copy / "metrics.json").write_text(json.dumps({**metrics, **changed}))

    with zipfile.ZipFile(pack_bundle(run_copy, tmp_path / "a.zip", source)) as file:
        inference = json.loads(file.read("lgm_vit/configs/inference.json"))
        assert file.read("lgm_vit/models/ensemble_1.pt") == Path(member).read_bytes()
    assert {name: inference[name] for name in changed} == {
        "slice_smoothing": 0.75,
        "slice_position": position,
        "test_time_flip": True,
        "ensemble": ["$@bundle_root + '/models/ensemble_1.pt'"],
    }
    Path(member).write_bytes((run_copy / "model.pt").read_bytes() + b"0")
    with pytest.raises(ValueError, match=r"must hold scores of of_another_seed\.pt, got those of other weights"):
        pack_bundle(run_copy, tmp_path / "b.zip", source)


def test_an_adaptation_replaces_what_the_evaluation_chose(run_folder, source, tmp_path):
    overlay = tmp_path / "adapted.yaml"
    overlay.write_text("score_calibration: {bias: -0.5}\nthreshold: 0.25\nvolume_threshold: 0.5\n")
    with zipfile.ZipFile(pack_bundle(run_folder, tmp_path / "a.zip", source, overlay)) as file:
        inference = json.loads(file.read("lgm_vit/configs/inference.json"))
        card = file.read("lgm_vit/docs/README.md").decode()
    assert (inference["score_calibration"], inference["threshold"]) == ({"bias": -0.5}, 0.25)
    assert "positive from a probability of\n0.25, a volume where its highest slice has 0.5" in card
    overlay.write_text("threshold: 0.25\nnormalize: none\n")
    with pytest.raises(ValueError, match=r"must set evaluation knobs of inference\.json alone, got normalize"):
        pack_bundle(run_folder, tmp_path / "b.zip", source, overlay)
