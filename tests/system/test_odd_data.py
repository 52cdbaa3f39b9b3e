"""Data that a hospital really has: some of it must work, some of it must be refused with a reason."""

import json

import pytest
from support.bundle import DATALIST, DEMO, evaluate, overlay, record, refused, train
from support.volumes import noise, square_mask, write_datalist

SHAPE = (16, 16, 5)


def datalist(folder, count=6, shape=SHAPE, channels=3, mask=True, change=lambda volume: volume):
    masks = square_mask(shape, slices=range(shape[2] // 2, shape[2])) if mask else square_mask(shape, value=0)
    return write_datalist(folder, [(change(noise(k, shape, channels)), masks) for k in range(count)])


def constant_channel(volume):
    volume[..., 1] = 7.0
    return volume


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        pytest.param({"channels": 1}, {"in_channels": 1}, id="1 channel"),
        pytest.param({"channels": 100}, {"in_channels": 100}, id="100 channels"),
        pytest.param({"shape": (9, 30, 4)}, {}, id="uneven grid"),
        pytest.param({"shape": (16, 16, 1)}, {"check": None}, id="depth 1, unchecked"),
        pytest.param({"change": constant_channel}, {"check": None}, id="constant channel, unchecked"),
        pytest.param(
            {}, {"store_dtype": "float32", "patch_norm": "none", "position_encoding": "learned"}, id="network"
        ),
        pytest.param({}, {"batch_order": "balanced", "accumulation_steps": 2}, id="balanced"),
        pytest.param({"shape": (16, 16, 11)}, {"batch_order": "scan", "min_last_fraction": 0.7}, id="paper's crop"),
    ],
)
def test_unusual_data_train_and_evaluate(tmp_path, data, settings):
    folder = datalist(tmp_path / "data", **data)
    changes = overlay(tmp_path, **settings)

    run = train(folder, tmp_path / "run", changes, dataset=DATALIST, max_epochs=1)
    metrics = evaluate(folder, run, changes, dataset=DATALIST, max_epochs=1)

    assert record(run)["epochs"] == 1
    assert metrics["n"]["slices"] > 0
    json.dumps(metrics, allow_nan=False)


def test_without_positives_scores_are_null_and_the_count_tells_why(tmp_path):
    folder = datalist(tmp_path / "data", mask=False)
    run = train(folder, tmp_path / "run", dataset=DATALIST, max_epochs=1)

    metrics = evaluate(folder, run, dataset=DATALIST, max_epochs=1)

    json.dumps(metrics, allow_nan=False)
    assert metrics["n"]["slices"] > 0
    assert metrics["slice"]["auroc"] is None
    assert metrics["slice"]["positives"] == 0
    assert record(run)["metrics"]["localization_loss"] == 0


@pytest.mark.parametrize(
    ("data", "settings", "reason"),
    [
        ({"count": 2}, {}, "patients"),
        ({}, {"test_site": "Z"}, r"test_site must be one of \['unknown'\], got 'Z'"),
        ({}, {"test_site": "unknown"}, "patients"),
        ({}, {"num_folds": 9, "fold": 0}, "fold"),
        ({}, {"num_folds": 3}, "num_folds and fold must come together"),
        ({"channels": 2}, {}, "3 channels"),
        ({}, {"supervised_cases": ["case_x"]}, "did you mean 'case_"),
        ({}, {"key_metric": "f2"}, "key_metric must be one of"),
        ({}, {"batch_order": "scans"}, "batch_order"),
        ({}, {"patch_size": 7}, "multiple of"),
        ({"mask": False}, {"batch_order": "balanced"}, "'balanced' must have positive and negative slices"),
        ({"shape": (16, 16, 1)}, {}, "must be a volume of several slices"),
        ({"change": constant_channel}, {}, "must hold an image with contrast, got 7 in every voxel of channel 1"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(tmp_path, data, settings, reason):
    folder = datalist(tmp_path / "data", **data)

    with refused(reason):
        train(folder, tmp_path / "run", dataset=DATALIST, **settings)

    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_patient_in_two_parts_is_refused(phantoms, tmp_path):
    parts = {"train": ["phantom_000"], "val": ["phantom_001"], "test": ["phantom_004"]}  # 0 and 4 are one patient
    (tmp_path / "split.json").write_text(json.dumps(parts))

    with refused(r"patient 'patient_000' must be in one part, got train and test"):
        train(phantoms, tmp_path / "run", split_file=tmp_path / "split.json")


def test_a_missing_data_folder_is_named(tmp_path):
    with refused("nowhere"):
        train(tmp_path / "nowhere", tmp_path / "run", dataset=DEMO)


def test_a_broken_file_stops_training_with_its_name(tmp_path):
    folder = datalist(tmp_path / "data")
    (folder / "case_3.nii.gz").write_bytes(b"no volume")

    with refused(r"case_3\.nii\.gz"):
        train(folder, tmp_path / "run", dataset=DATALIST)


def test_a_data_folder_is_only_read(tmp_path):
    folder = datalist(tmp_path / "data")
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    folder.chmod(0o555)

    run = train(folder, tmp_path / "run", dataset=DATALIST, max_epochs=1)
    evaluate(folder, run, dataset=DATALIST, max_epochs=1)

    folder.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before
