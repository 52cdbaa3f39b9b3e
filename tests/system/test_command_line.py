"""A misspelt knob stops before anything is computed; any working directory will do."""

import pytest
from support.bundle import DEMO, ROOT, TINY, TRAINING, checkpoint, ended, overlay, refused, same_bits, start, train


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
def test_a_misspelt_option_changes_nothing(folders, tmp_path, knob, nearest):
    with refused(f"did you mean '{nearest}'"):
        train(folders["dataset_dir"], folders["output_dir"], cache_dir=folders["cache_dir"], **{knob: 2})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"augmentation": None}, {"+train#handlers": []}])
def test_what_monai_would_ignore_on_the_command_line_is_refused(folders, tmp_path, change):
    with refused("would change nothing|would replace train#handlers"):
        train(folders["dataset_dir"], folders["output_dir"], cache_dir=folders["cache_dir"], **change)

    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_overlay_ends_the_process_with_status_1_and_changes_nothing(folders, tmp_path):
    misspelt = overlay(tmp_path, learning_rat=1.0)

    status, printed = ended(start("train.json", DEMO, TINY, misspelt, **folders, **TRAINING))

    assert status == 1
    assert f"{misspelt}: learning_rat is not an id of the base configs" in printed
    assert "did you mean 'learning_rate'?" in printed
    assert list(tmp_path.iterdir()) == [misspelt]


def test_training_from_another_working_directory(phantoms, folders, trained, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    files = [ROOT / "configs" / file for file in ("train.json", DEMO, TINY, "augmentation/light.yaml")]

    status, printed = ended(start(*files, cwd=away, bundle_root=ROOT, **folders, **TRAINING))

    assert status == 0, printed
    assert same_bits(checkpoint(folders["output_dir"]), checkpoint(trained))
    assert list(away.iterdir()) == []
