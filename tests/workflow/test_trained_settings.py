"""An evaluation with other preprocessing, network or map than the training is refused; other folders are not."""

import json

import pytest

from bundle.workflow import require_trained_settings
from bundle.workflow.trained_settings import require_same_network

PROGRAM = "/somewhere/monai/bundle/__main__.py"
CONFIG = {
    "dataset_dir": "data",
    "output_dir": "run",
    "batch_size": 32,
    "seed": 0,
    "localization_weight": 1000.0,
    "beta": 0.85,
    "normalise": "slice",
    "dropout": 0.1,
    "image_size": 64,
    "store_dtype": "float16",
    "finder": {"_target_": "Files", "root": "@dataset_dir", "channels": ["t1", "t2"]},
    "preprocessing": {"_target_": "Compose", "transforms": [{"_target_": "Load"}]},
    "case_to_slices": {"_target_": "Slices", "size": "@image_size", "by": "@normalise", "first": "@preprocessing"},
    "network_def": {"_target_": "Vit", "size": "$@image_size * 1", "dropout": "@dropout"},
    "attribution": {"_target_": "EAFEM", "beta": "@beta"},
    "augmentation": None,
}
APPENDED = {"+preprocessing#transforms": [{"_target_": "Scale"}]}
MAP = {"attribution": {"_target_": "Rollout"}}


@pytest.fixture
def problems(tmp_path):
    """Compare a run, CONFIG with `trained`, with an evaluation, CONFIG with an overlay."""

    def problems(overlay, *, trained=(), output_dir="run", without=()):
        record = {name: value for name, value in {**CONFIG, **dict(trained)}.items() if name not in without}
        for name, content in {"run/config": record, "train": CONFIG, "overlay": overlay}.items():
            (tmp_path / f"{name}.json").parent.mkdir(exist_ok=True)
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        files = [str(tmp_path / "train.json"), str(tmp_path / "overlay.json")]
        argv = [PROGRAM, "run", "--config_file", str(files)]
        try:
            (tmp_path / "run").mkdir(exist_ok=True)
            (tmp_path / "run/model.pt").touch()
            require_trained_settings(tmp_path / output_dir, tmp_path / "run/model.pt", argv)
        except ValueError as refusal:
            return str(refusal).splitlines()
        return []

    return problems


@pytest.mark.parametrize(
    ("overlay", "id_", "then", "now"),
    [
        ({"normalise": "none"}, "normalise", "'slice'", "'none'"),
        ({"image_size": 32}, "image_size", "64", "32"),
        ({"store_dtype": "float32"}, "store_dtype", "'float16'", "'float32'"),
        ({"beta": 0.5}, "beta", "0.85", "0.5"),
        (MAP, "attribution", "{'_target_': 'EAFEM', 'beta': '@beta'}", "{'_target_': 'Rollout'}"),
        (APPENDED, "preprocessing#transforms#1", "nothing", "{'_target_': 'Scale'}"),
        ({"preprocessing#transforms": []}, "preprocessing#transforms#0", "{'_target_': 'Load'}", "nothing"),
        ({"finder#channels": ["t2", "t2"]}, "finder#channels#0", "'t1'", "'t2'"),
        ({"finder#mask": "seg"}, "finder#mask", "nothing", "'seg'"),
        ({"network_def#_target_": "Cnn"}, "network_def", str(CONFIG["network_def"]), "{'_target_': 'Cnn', "),
    ],
)
def test_what_determines_the_numbers_must_agree(problems, tmp_path, overlay, id_, then, now):
    first, *_, remedy = problems(overlay)
    record = tmp_path / "run/config.json"
    assert first.startswith(f"{record}: the run was trained with {id_} {then}, this evaluation has {now}")
    assert f"--config_file \"['{record}','configs/evaluate.json']\"" in remedy


def test_all_differences_come_at_once(problems):
    assert len(problems({"normalise": "none", "image_size": 32, **APPENDED})) == 4


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        {"dataset_dir": "elsewhere", "batch_size": 1, "seed": 7, "augmentation": [{"_target_": "Flip"}]},
        {"finder#root": "/mnt/data"},
        {"dropout": 0.0},
        {"localization_weight": 0},
        {"image_size": 64.0},
    ],
)
def test_the_rest_may_differ(problems, overlay):
    assert problems(overlay) == []


def test_a_run_without_supervision_is_scored_by_any_map(problems):
    assert problems({**MAP, "beta": 0.5}, trained={"localization_weight": 0}) == []
    assert len(problems({**MAP, "normalise": "none"}, trained={"localization_weight": 0})) == 2


def test_in_a_folder_of_its_own_other_data_and_maps_are_a_warning(problems, caplog):
    assert problems({**MAP, **APPENDED, "finder#channels": ["a", "t2"]}, output_dir="other") == []
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    assert "finder#channels#0 't1', this evaluation has 'a'" in caplog.text
    assert len(problems({"image_size": 32}, output_dir="other")) == 2


def test_a_knob_that_is_newer_than_the_run_is_not_compared(problems):
    newer = {"qkv_bias": True, "network_def#qkv_bias": "@qkv_bias"}
    assert problems(newer) == []
    assert problems({}, without=["store_dtype"]) == []
    assert len(problems(newer, trained={"qkv_bias": False})) == 3  # the knob and the argument


def test_without_a_record_or_a_command_line_nothing_happens(problems, tmp_path):
    problems({})
    assert require_trained_settings(tmp_path / "run", tmp_path / "run/model.pt", ["monailabel"]) is None
    (tmp_path / "run/config.json").unlink()
    argv = [PROGRAM, "run", "--config_file", str(tmp_path / "train.json"), "--normalise", "none"]
    assert require_trained_settings(tmp_path / "run", tmp_path / "run/model.pt", argv) is None


def test_networks_of_an_ensemble_must_know_the_same_slices(problems, tmp_path, caplog):
    """Weights load whatever the order of the channels that they were trained with."""
    problems({})
    argv = [PROGRAM, "run", "--config_file", str(tmp_path / "train.json")]
    turned = {**CONFIG["finder"], "channels": ["t2", "t1"]}
    for name, content in {"alike": {"seed": 5}, "other": {"finder": turned}}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({**CONFIG, **content}))
    weights = tmp_path / "run/model.pt"
    require_trained_settings(tmp_path / "run", weights, argv, [tmp_path / "alike/model.pt", tmp_path / "no/model.pt"])
    with pytest.raises(
        ValueError, match="a network of the ensemble was trained with finder#channels#0 't2'"
    ) as refusal:
        require_trained_settings(tmp_path / "run", weights, argv, [tmp_path / "other/model.pt"])
    assert str(refusal.value).endswith("whose trainings differ in split and seed alone.")
    require_trained_settings(tmp_path / "elsewhere", weights, argv, [tmp_path / "other/model.pt"])
    assert "finder#channels#0 't2', this evaluation has 't1'" in caplog.text


NETWORK = {"network_def": {"_target_": "Vit", "heads": "@num_heads"}, "num_heads": 4, "dropout": 0.1, "batch_size": 8}


@pytest.mark.parametrize("file", ["config.json", "model.yaml"])
def test_weights_of_another_network_do_not_start_a_training(file, tmp_path):
    (tmp_path / file).write_text(json.dumps(NETWORK))
    require_same_network(tmp_path / "model.pt", {**NETWORK, "dropout": 0.0, "batch_size": 2})
    with pytest.raises(ValueError, match=rf"{file}: initial_weights must .* got others \(num_heads 4, here 2\): give"):
        require_same_network(tmp_path / "model.pt", {**NETWORK, "num_heads": 2})


def test_weights_from_slices_of_another_form_are_warned_of(tmp_path, caplog):
    (tmp_path / "config.json").write_text(json.dumps({**NETWORK, "image_size": 64}))
    require_same_network(tmp_path / "model.pt", {**NETWORK, "image_size": 128})
    assert "initial_weights come from slices of another form: image_size 64, here 128." in caplog.text
