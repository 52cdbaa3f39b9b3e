"""A misspelled knob stops before anything is computed; any working directory will do."""

import json
import runpy
import sys
from unittest import mock
from zipfile import ZipFile

import monai.bundle.__main__
import pytest
from support import processes
from support.bundle import (
    DEMO,
    NETWORK,
    ROOT,
    TINY,
    TRAINING,
    checkpoint,
    ended,
    overlay,
    refused,
    same_bits,
    start,
    train,
)

from bundle.packing import pack_bundle


@pytest.fixture
def folders(phantoms, tmp_path):
    """Settings whose folders do not exist yet."""
    return {"dataset_dir": phantoms, "output_dir": tmp_path / "run", "cache_dir": tmp_path / "cache"}


@pytest.mark.parametrize(
    ("knob", "nearest"),
    [
        ("max_epoch", "max_epochs"),
        ("localisation_weight", "localization_weight"),
        ("train#traner#max_epochs", "trainer"),
    ],
)
def test_a_misspelled_option_changes_nothing(folders, tmp_path, knob, nearest):
    with refused(f"did you mean '{nearest}'"):
        train(folders["dataset_dir"], folders["output_dir"], cache_dir=folders["cache_dir"], **{knob: 2})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"augmentation": None}, {"+train#handlers": []}])
def test_what_monai_would_ignore_on_the_command_line_is_refused(folders, tmp_path, change):
    with refused("would change nothing|would replace train#handlers"):
        train(folders["dataset_dir"], folders["output_dir"], cache_dir=folders["cache_dir"], **change)

    assert list(tmp_path.iterdir()) == []


def test_a_misspelled_overlay_ends_the_process_with_status_1_and_changes_nothing(folders, tmp_path):
    misspelled = overlay(tmp_path, learning_rat=1.0)

    status, printed = ended(start("train.json", DEMO, TINY, misspelled, **folders, **TRAINING))

    assert status == 1
    assert f"{misspelled}: learning_rat is not an id of the base configs" in printed
    assert "did you mean 'learning_rate'?" in printed
    assert list(tmp_path.iterdir()) == [misspelled]


def test_training_from_another_working_directory(phantoms, folders, trained, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    files = [ROOT / "configs" / file for file in ("train.json", DEMO, TINY, "augmentation/light.yaml")]

    status, printed = ended(start(*files, cwd=away, bundle_root=ROOT, **folders, **TRAINING))

    assert status == 0, printed
    assert same_bits(checkpoint(folders["output_dir"]), checkpoint(trained))
    assert list(away.iterdir()) == []


@pytest.fixture(scope="module")
def bundles(trained, tmp_path_factory):
    """Name -> a bundle's folder, its weights, and the knobs that its own configs do not hold."""
    place = tmp_path_factory.mktemp("unpacked")
    with ZipFile(pack_bundle(trained, place / "lgm_vit.zip")) as archive:
        archive.extractall(place)
    unpacked = place / "lgm_vit"
    return {
        "repository": (ROOT, trained / "model.pt", NETWORK),
        "unpacked": (unpacked, unpacked / "models/model.pt", {}),
    }


LOAD = """
import ast, sys, monai.bundle
root, name, weights, network, *workflows = sys.argv[1:]
options = {"model_file": weights, "net_override": ast.literal_eval(network)}
for workflow in workflows:
    monai.bundle.load(name, bundle_dir=root, workflow_type=workflow, **options)
print("found", sys.modules["bundle"].__file__)
"""


def python(*words, cwd):
    """Run a Python that has the dependencies and not the project; return what it printed."""
    status, printed = processes.python(*words, cwd=cwd)
    assert status == 0, printed
    return printed


@pytest.mark.parametrize("where", ["repository", "unpacked"])
def test_load_finds_the_code_from_any_folder(bundles, where, tmp_path):
    root, weights, network = bundles[where]
    printed = python("-c", LOAD, root.parent, root.name, weights, network, "train", "inference", cwd=tmp_path)
    assert f"found {root}/bundle/__init__.py" in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("where", "command"),
    [  # the expression is the same in both; each command costs a start of Python
        ("repository", ["run", "network_def"]),
        ("repository", ["onnx_export", "network_def"]),
        ("unpacked", ["verify_net_in_out", "network_def"]),
        ("unpacked", ["ckpt_export", "network_def", "--use_trace", "True"]),
    ],
)
def test_a_command_finds_the_code_from_any_folder_without_bundle_root(bundles, where, command, tmp_path):
    root, weights, network = bundles[where]
    files = ["--config_file", root / "configs/train.json", "--meta_file", root / "configs/metadata.json"]
    if command[0].endswith("export"):
        files += ["--ckpt_file", weights, "--filepath", tmp_path / "exported", "--input_shape", "[1,3,32,32]"]
    if command[0].startswith("verify"):
        network = {**network, "_meta_#network_data_format#inputs#image#spatial_shape": [32, 32]}
    knobs = [text for name, value in network.items() for text in (f"--{name}", value)]
    python("-m", "monai.bundle", *command, *files, *knobs, cwd=tmp_path)
    assert [path.stem for path in tmp_path.iterdir()] == ["exported"] * command[0].endswith("export")


def test_a_package_that_is_found_already_stays_in_front(bundles, tmp_path):
    unpacked, weights, _ = bundles["unpacked"]
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{LOAD}"
    printed = python("-c", code, unpacked.parent, unpacked.name, weights, {}, "inference", cwd=tmp_path)
    assert f"found {ROOT}/bundle/__init__.py" in printed


def test_training_and_inference_find_the_code_by_the_same_expression():
    train, inference = (json.loads((ROOT / f"configs/{name}.json").read_text()) for name in ("train", "inference"))
    for id_ in ("own_folder", "bundle_root", "bundle_path"):
        assert train[id_] == inference[id_]
    assert "inspect.stack" in train["own_folder"]


def monai_bundle(*arguments, **settings):
    """Run `python -m monai.bundle run` in this process, as it is typed."""
    options = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    argv = [monai.bundle.__main__.__file__, "run", *arguments, *options, "--logging_file", "False"]
    with mock.patch.object(sys, "argv", argv), mock.patch.object(sys, "path", [*sys.path]):
        runpy.run_path(argv[0], run_name="__main__")


def test_args_files_train_continue_and_evaluate_from_the_root(phantoms, folders, monkeypatch):
    monkeypatch.chdir(ROOT)
    demo = ("--+config_file", f"['configs/{DEMO}']")
    settings = {**folders, **TRAINING, "max_epochs": 1}

    monai_bundle("--args_file", "configs/args/tiny.json", *demo, **settings)
    monai_bundle("--args_file", "configs/args/tiny.json", *demo, **settings, resume=True)
    monai_bundle("--args_file", "configs/args/evaluate_tiny.json", *demo, **settings)

    merged = json.loads((folders["output_dir"] / "config.json").read_text())
    assert merged["learning_rate"] == 3e-4  # of sizes/tiny
    assert merged["finder"]["table"] == "cases.csv"  # of datasets/demo
    assert merged["hidden_size"] == NETWORK["hidden_size"]  # of the command line
    assert "f1" in json.loads((folders["output_dir"] / "metrics.json").read_text())["slice"]


def test_a_file_of_an_args_file_that_is_not_there_is_named(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with refused("Cannot find the config file: configs/train.json"):
        monai_bundle("--args_file", str(ROOT / "configs/args/tiny.json"), **folders)
    with refused("No such file or directory: 'configs/args/tiny.json'"):
        monai_bundle("--args_file", "configs/args/tiny.json", **folders)

    assert list(tmp_path.iterdir()) == []


def test_an_unknown_id_beside_an_args_file_is_refused(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)

    with refused("did you mean 'max_epochs'"):
        monai_bundle("--args_file", "configs/args/tiny.json", **folders, max_epoch=2)

    assert list(tmp_path.iterdir()) == []


def test_a_check_takes_the_args_file_of_the_training(phantoms, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    files = ["--args_file", "configs/args/tiny.json", "--+config_file", f"['configs/{DEMO}']"]
    argv = ["check_data.py", *files, "--dataset_dir", str(phantoms), "--sheet", str(tmp_path / "sheet.png")]
    monkeypatch.setattr(sys, "argv", argv)

    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_path(str(ROOT / "scripts/check_data.py"), run_name="__main__")

    assert "phantom_000" in capsys.readouterr().out
    assert (tmp_path / "sheet.png").exists()
