"""What is not allowed is refused before anything is read, with option or file, value and remedy."""

import json
from pathlib import Path

import pytest
from conftest import ROOT

from bundle.workflow import begin_run
from bundle.workflow.allowed import Allowed
from bundle.workflow.begin import value_problems
from bundle.workflow.command_line import CommandLine
from bundle.workflow.knobs import knobs
from bundle.workflow.override_guard import order_problems

PROGRAM = "/somewhere/monai/bundle/__main__.py"
TRAIN, INFERENCE = str(ROOT / "configs/train.json"), str(ROOT / "configs/inference.json")
EVALUATE, SEVERAL = str(ROOT / "configs/evaluate.json"), str(ROOT / "configs/multi_gpu_train.json")
TINY = str(ROOT / "configs/sizes/tiny.yaml")
RECORDS = sorted((ROOT / "docs/results").rglob("config.json"))


def begin(*options, files=(TRAIN,)):
    begin_run([PROGRAM, "run", "--config_file", str(list(files)), *options])


@pytest.mark.parametrize(
    ("knob", "value", "told"),
    [
        ("localization_weight", "-5", "a number of at least 0, got -5"),
        ("final_localization_weight", "-1", "a number of at least 0 or null, got -1"),
        ("threshold", "2", "validation or a number from 0 to 1, got 2"),
        ("min_learning_rate", "1", "a number from 0 to learning_rate 1e-05, got 1"),
        ("learning_rate", "nan", "a number above 0, got 'nan'"),
        ("resume", "maybe", "true or false, got 'maybe'"),
        ("mlp_ratio", "0", "a number above 0, got 0"),
        ("max_epochs", "1.5", "a whole number of at least 1, got 1.5"),
        ("batch_size", "True", "got true"),
        ("ingest_workers", "-2", "at least 0, got -2"),
        ("hidden_size", "50", "a multiple of num_heads 12, got 50: change it or num_heads"),
        ("num_classes", "2", "not 2, got 2"),
        ("smoothing_kernel", "4", "odd, got 4"),
        ("fold", "0.5", "whole number"),
        ("position_encoding", "sine", "sincos, reference or learned, got 'sine'"),
        ("split_fractions", "[0.5,0.5]", "the sum 1"),
        ("device", "gpu", "cpu, or cuda"),
        ("device", "cuda:99", "where there is such a GPU"),
        ("supervised_cases", "alle", "all or a number"),
        ("dataset_dir", "['a','b']", "a path"),
    ],
)
def test_a_bad_value_is_refused_with_its_option(knob, value, told):
    with pytest.raises(ValueError, match=f"^--{knob} must be ") as error:
        begin(f"--{knob}", value)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("learning_rate: 1e-4", r"got '1e-4': YAML reads it as text, so write 1.0e-4\."),
        ("learning_rate: 1.5e3", r"got '1.5e3': YAML reads it as text, so write 1.5e\+3\."),
        ('seed: "5"', r"got '5': YAML reads it as text, so write 5\."),
        ("hidden_size: null", "got null"),
        ("learning_rate: .nan", "got nan"),
        ("learning_rate: .inf", "got inf"),
        ("output_dir: 2023", "got 2023: write it in quotes"),
        ("output_dir: 'run#1'", "MONAI cannot keep a #"),
    ],
)
def test_a_bad_line_of_an_overlay_is_refused_with_its_file(line, told, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(line)
    name = line.split(":")[0]
    with pytest.raises(ValueError, match=rf"^{overlay}: {name} must be .*{told}"):
        begin(files=(TRAIN, str(overlay)))


def test_sizes_that_do_not_fit_are_refused_with_both_knobs():
    with pytest.raises(
        ValueError, match=r"image_size must be .* a multiple of patch_size 7, got 256: change it or patch"
    ):
        begin("--patch_size", "7")
    with pytest.raises(ValueError, match=r"^hidden_size must be a multiple of 4 for position_encoding sincos, got 6:"):
        begin("--hidden_size", "6", "--num_heads", "3")
    begin("--hidden_size", "6", "--num_heads", "3", "--position_encoding", "learned")


def test_all_that_is_wrong_comes_at_once(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("batchsize: 3\nbeta: 7\n")
    with pytest.raises(ValueError) as error:
        begin("--threshold", "2", files=(TRAIN, str(overlay)))
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize("folder", ["20261127", "2026_11_27", "297e78", "a,b", "(a)", "True"])
@pytest.mark.parametrize("knob", ["output_dir", "cache_dir", "dataset_dir"])
def test_a_folder_that_fire_would_make_a_number_of_is_refused_with_what_to_type(folder, knob):
    with pytest.raises(ValueError, match=r"got .*: type \./") as error:
        begin(f"--{knob}", folder)
    assert f"got {folder}: type ./{folder}." in str(error.value)
    begin(f"--{knob}", f"./{folder}")


@pytest.mark.parametrize("folder", ["run#1", "'run#1'", "/tmp/run#1"])
def test_a_folder_with_a_hash_is_refused(folder):
    with pytest.raises(ValueError, match="MONAI cannot keep a # in a path, so rename the folder"):
        begin(f"--output_dir={folder}")


@pytest.mark.parametrize("folder", ["runs/a", "a b", '"2023"', "~/runs", "$@bundle_root + '/a#b'", "@model_dir"])
def test_other_folders_and_expressions_pass(folder):
    begin("--output_dir", folder)


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("threshold", "validation"),
        ("batch_order", "{'_target_': 'bundle.data.ShuffleOrder'}"),
        ("localization_weight", "$3 - 5"),
        ("batch_size", "@seed"),
        ("test_site", "1"),
        ("supervised_cases", "['a','b']"),
    ],
)
def test_words_components_and_expressions_pass(knob, value):
    begin(f"--{knob}", value)


def test_some_values_belong_to_one_command():
    begin("--dataset_dir", "['a','b']", files=(INFERENCE,))
    with pytest.raises(ValueError, match=r"--threshold must be a number from 0 to 1, got 'validation'"):
        begin("--threshold", "validation", files=(INFERENCE,))


@pytest.mark.parametrize("record", RECORDS[:: max(1, len(RECORDS) // 12)], ids=lambda path: path.parent.name)
def test_the_values_of_older_records_pass(record):
    assert list(value_problems(CommandLine((str(record), EVALUATE)))) == []


@pytest.mark.parametrize("base", [TRAIN, INFERENCE])
@pytest.mark.parametrize("overlay", sorted((ROOT / "configs").glob("[!e]*/*.yaml")), ids=lambda path: path.stem)
def test_the_values_of_all_overlays_pass(base, overlay):
    assert list(value_problems(CommandLine((base, str(overlay))))) == []


def test_every_plain_knob_has_values_that_a_machine_checks():
    assert [name for name, knob in knobs().items() if knob.range and knob.allowed == Allowed()] == []


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ((TINY, TRAIN), f"{TRAIN} must be the first config file, .* write --config_file"),
        ((EVALUATE, TRAIN), f"{TRAIN} must be the first config file"),
        ((TRAIN, INFERENCE), f"give either {TRAIN} or {INFERENCE}"),
        ((TINY, INFERENCE), f"{INFERENCE} must be the first config file"),
    ],
)
def test_a_base_config_behind_an_overlay_is_refused(files, told):
    with pytest.raises(ValueError, match=told):
        begin(files=files)


def test_the_record_of_a_run_behind_an_overlay_is_refused(tmp_path):
    record = tmp_path / "config.json"
    record.write_text(json.dumps({"run": [], "network_def": {}}))
    with pytest.raises(ValueError, match=f"{record} must be the first config file"):
        begin(files=(TINY, str(record)))


@pytest.mark.parametrize(("later", "line"), [(EVALUATE, "checkpoint: a.pt"), (SEVERAL, "device: cpu")])
def test_an_overlay_whose_line_a_later_base_config_overrides_is_refused(later, line, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(line)
    name = line.split(":")[0]
    with pytest.raises(ValueError, match=f"{overlay} must stand behind {later}, got it before, where its {name} is"):
        begin(files=(TRAIN, str(overlay), later))
    assert list(order_problems((TRAIN, later, str(overlay)))) == []


def test_an_overlay_that_adds_steps_is_given_once():
    window, smoothing = (f"{Path(TRAIN).parent}/{name}.yaml" for name in ("intensities/ct_window", "beyond/smoothing"))
    with pytest.raises(ValueError, match=f"{window} must be given once, got it twice"):
        begin(files=(TRAIN, window, window))
    assert list(order_problems((TRAIN, smoothing, smoothing, window))) == []


def test_files_in_the_right_order_pass():
    assert list(order_problems((TRAIN, TINY, EVALUATE))) == []
    assert list(order_problems((TRAIN, TINY, SEVERAL))) == []


def test_a_color_scale_of_another_map_is_refused(tmp_path):
    content = json.loads((ROOT / "configs/inference.json").read_text()) | {"map_scale": [0.1, 0.2]}
    (tmp_path / "inference.json").write_text(json.dumps(content))
    argv = ["--config_file", str(tmp_path / "inference.json")]
    assert not list(value_problems(CommandLine.parse(argv)))
    [problem] = value_problems(CommandLine.parse([*argv, "--beta", "0.1"]))
    assert problem.startswith("map_scale must be that of the map, got the one of")
    assert not list(value_problems(CommandLine.parse([*argv, "--beta", "0.1", "--map_scale", "[0, 1]"])))
