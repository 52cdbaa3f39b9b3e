"""A misspelled knob must fail; whatever means something must pass."""

import json

import pytest
from conftest import ROOT

from bundle.workflow import OverrideGuard, begin_run, refuse_unknown_overrides
from bundle.workflow.command_line import CommandLine
from bundle.workflow.override_guard import ids, override_problems

PROGRAM = "/somewhere/monai/bundle/__main__.py"
BASE = {
    "learning_rate": 1e-5,
    "batch_size": 32,
    "train": {
        "trainer": {"_target_": "SupervisedTrainer", "amp_kwargs": {"dtype": 1}},
        "handlers": [{"_target_": "H"}],
    },
}


def refuse(argv):
    """The check of overrides alone: `begin_run` without order and values."""
    command_line = CommandLine.read(argv)
    if command_line is not None and (problems := list(override_problems(command_line))):
        raise ValueError("\n".join(problems))


@pytest.fixture
def configs(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(BASE))
    (tmp_path / "evaluate.json").write_text(json.dumps({"checkpoint": "model.pt", "run": []}))
    (tmp_path / "metadata.json").write_text(json.dumps({"version": "0"}))
    return tmp_path


def guard(configs, *arguments, overlay=None):
    files = [str(configs / "train.json")]
    if overlay is not None:
        (configs / "overlay.yaml").write_text(overlay)
        files.append(str(configs / "overlay.yaml"))
    return refuse([PROGRAM, "run", "--config_file", str(files), *arguments])


@pytest.mark.parametrize(
    ("option", "nearest"),
    [
        ("--learning_rat", "learning_rate"),
        ("--batchsize", "batch_size"),
        ("--train#trainr#max_epochs", "train#trainer"),
        ("--version", None),  # metadata is no base config
    ],
)
def test_misspelled_option_is_refused_with_the_nearest_name(configs, option, nearest):
    with pytest.raises(ValueError) as stop:
        guard(configs, option, "3")
    assert option in str(stop.value)
    if nearest:
        assert f"did you mean '{nearest}'" in str(stop.value)


def test_misspelled_entry_of_an_overlay_is_refused_with_its_file(configs):
    with pytest.raises(ValueError, match=r"overlay\.yaml: lerning_rate.*did you mean 'learning_rate'"):
        guard(configs, overlay="batch_size: 3\nlerning_rate: 1\n")


def test_all_problems_come_at_once(configs):
    with pytest.raises(ValueError) as stop:
        guard(configs, "--batchsize", "3", overlay="lerning_rate: 1\n")
    assert len(str(stop.value).splitlines()) == 2


@pytest.mark.parametrize(
    "option",
    [
        "--learning_rate",
        "--train#trainer#max_epochs",  # a new argument of a component
        "--train#trainer#amp_kwargs#dtype",
        "--train#handlers#0#_disabled_",
        "--train#handlers#0#new_argument",
        "--_meta_#version",
        "--tracking_uri",
        "--run_id",
    ],
)
def test_known_ids_pass(configs, option):
    assert guard(configs, option, "1") is None


def test_an_option_of_a_config_that_is_not_given_is_refused_with_where_it_is_known(configs):
    with pytest.raises(ValueError, match=r"^--checkpoint is an id of evaluate.json and inference.json, not"):
        guard(configs, "--checkpoint", "a.pt")
    both = str([str(configs / name) for name in ("train.json", "evaluate.json")])
    assert refuse([PROGRAM, "run", "--config_file", both, "--checkpoint", "a.pt"]) is None
    assert guard(configs, overlay="checkpoint: a.pt\n") is None  # an overlay may serve both


def test_an_option_may_be_an_id_that_an_overlay_brings(configs):
    assert guard(configs, "--train#handlers#1#log_dir", "a", overlay="+train#handlers: [{_target_: G}]\n") is None


def test_an_option_of_an_args_file_is_named_with_its_file(configs):
    args = configs / "args.json"
    args.write_text(json.dumps({"config_file": str(configs / "train.json"), "batchsize": 3}))
    with pytest.raises(ValueError, match=rf"^{args}: batchsize is not an id .* did you mean 'batch_size'"):
        refuse([PROGRAM, "run", "--args_file", str(args)])


def test_append_passes_in_a_file_and_is_refused_where_it_would_replace(configs):
    assert guard(configs, overlay="+train#handlers: [{_target_: G}]\n") is None
    with pytest.raises(ValueError, match=r"--\+train#handlers would replace train#handlers"):
        guard(configs, "--+train#handlers", "[]")


def test_none_passes_in_a_file_and_is_refused_where_it_would_change_nothing(configs):
    assert guard(configs, overlay="batch_size: null\n") is None
    with pytest.raises(ValueError, match="--batch_size None would change nothing"):
        guard(configs, "--batch_size", "None")


def test_older_records_name_the_first_step_otherwise():
    assert OverrideGuard is begin_run is refuse_unknown_overrides


def test_other_programs_are_left_alone():
    assert refuse(["monailabel", "--learning_rat", "1"]) is None


def test_the_record_of_a_run_is_a_first_file_and_its_other_files_are_none(tmp_path):
    """Beside it lie run.json and metrics.json, whose entries are no knobs."""
    (tmp_path / "config.json").write_text(json.dumps(BASE))
    (tmp_path / "metrics.json").write_text(json.dumps({"calibration": {}}))
    argv = [PROGRAM, "run", "--config_file", str([str(tmp_path / "config.json"), str(ROOT / "configs/evaluate.json")])]
    assert refuse([*argv, "--evaluation#report#n_resamples", "5"]) is None
    with pytest.raises(ValueError, match="--calibration is not an id of the base configs"):
        refuse([*argv, "--calibration", "1"])


def test_ids_of_a_config():
    content = {"a": [{"_target_": "X", "b": 1}], "c": {"d": 2}}
    assert list(ids(content)) == ["a", "a#0", "a#0#_target_", "a#0#b", "c", "c#d"]
    assert list(ids(content, components_only=True)) == ["a#0"]


BASES = ["train", "evaluate", "inference", "multi_gpu_train", "pretrain"]
GIVEN_WITH = {"evaluate": ["train.json"], "multi_gpu_train": ["train.json"], "pretrain": ["train.json"]}


def real_guard(*arguments, files=("train.json",)):
    paths = [str(ROOT / "configs" / file) for file in files]
    return refuse([PROGRAM, "run", "--config_file", str(paths), *arguments])


@pytest.mark.parametrize("base", BASES)
def test_every_top_level_id_of_the_real_configs_passes(base):
    names = [name.lstrip("+") for name in json.loads((ROOT / f"configs/{base}.json").read_text())]
    options = [text for name in names for text in (f"--{name}", "1")]
    assert real_guard(*options, files=(*GIVEN_WITH.get(base, []), f"{base}.json")) is None


@pytest.mark.parametrize("base", BASES)
def test_every_top_level_id_of_the_real_configs_is_missed_with_a_letter_less(base):
    names = json.loads((ROOT / f"configs/{base}.json").read_text())
    names = [name.lstrip("+") for name in names if len(name) > 4 and "#" not in name]
    for name in names:
        with pytest.raises(ValueError, match="did you mean"):
            real_guard(f"--{name[:-1]}", "1", files=(*GIVEN_WITH.get(base, []), f"{base}.json"))


@pytest.mark.parametrize(
    "option",
    [
        "--train#trainer#max_epochs",
        "--train#dataset#data",
        "--validate#dataset#data",
        "--train#handlers",
        "--train#handlers#0#_disabled_",
        "--train#trainer#compile",
        "--validate#evaluator#amp_kwargs#dtype",
        "--network_def#num_classes",
        "--_meta_#version",
        "--tracking_uri",
        "--finder#_disabled_",
    ],
)
def test_what_the_consumers_of_a_bundle_override_passes(option):
    assert real_guard(option, "1") is None


@pytest.mark.parametrize(
    ("files", "option"),
    [
        (["inference.json"], "--postprocessing#transforms#2#nearest_interp"),
        (["inference.json", "datasets/brats2020.yaml"], "--finder#case_regex"),
        (["train.json", "evaluate.json"], "--evaluation#report#n_resamples"),
        (["train.json", "multi_gpu_train.json"], "--train#trainer#network#static_graph"),
    ],
)
def test_options_of_other_files_pass_where_these_are_given(files, option):
    assert real_guard(option, "1", files=files) is None


@pytest.mark.parametrize("option", ["--num_workers", "--fold", "--train#trainer#max_epochs", "--early_stopping"])
def test_knobs_of_training_are_refused_in_inference(option):
    with pytest.raises(ValueError, match=rf"{option} is an id of train\.json( and pretrain\.json)?, not of the config"):
        real_guard(option, "1", files=["inference.json", "sizes/tiny.yaml", "datasets/demo.yaml"])
