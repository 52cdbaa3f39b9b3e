"""Training on labels of clients: patients stay apart, the model in use never gets worse, reasons are told."""

import json
from pathlib import Path

import pytest
import torch

from bundle.consumers.label import bundle_runs
from bundle.consumers.label.model_versions import holding_models, use, versions
from bundle.consumers.label.patients import patient_key
from bundle.consumers.label.progress import training_stats
from bundle.consumers.label.train_task import SliceTrainTask


class Datastore:
    def __init__(self, cases):
        self.cases = cases

    def datalist(self):
        return self.cases


def train(bundle, cases, **request):
    task = SliceTrainTask(bundle, {"patient": "^[^_]+", "device": "cpu"})
    return task({"model": "lgm_vit", "max_epochs": 1, **request}, Datastore(cases))


def weights(bundle):
    return torch.load(bundle / "models/model.pt", weights_only=True)


def config(bundle, name="inference"):
    return json.loads((bundle / f"configs/{name}.json").read_text())


def parts(bundle):
    content = json.loads((bundle / "runs/label/parts.json").read_text())
    return {part: {item["patient"] for item in items} for part, items in content.items()}


@pytest.fixture
def scores(monkeypatch):
    """Let these be the scores of the new model and of the one in use; only where it is `real` are they evaluated."""
    asked = {}

    def scores(new, in_use, real=False):
        evaluate = bundle_runs.BundleRuns.evaluate

        def scored(self, parts, weights, output, **settings):
            asked[output.name] = settings
            metrics = evaluate(self, parts, weights, output, **settings) if real else {"slice": {}}
            metrics["slice"]["average_precision"] = in_use if output.name == "in_use" else new
            return metrics

        monkeypatch.setattr(bundle_runs.BundleRuns, "evaluate", scored)
        return asked

    return scores


def test_a_model_that_is_no_worse_comes_into_use_with_its_thresholds(bundle, labels, scores):
    scores(new=0.5, in_use=0.5, real=True)
    before, packed = weights(bundle), config(bundle)
    outcome = train(bundle, labels)
    assert outcome["replaced"]
    assert outcome["patients"] == {"train": 2, "val": 1}
    metrics = json.loads((bundle / "runs/label/metrics.json").read_text())
    now = config(bundle)
    assert now["threshold"] == metrics["threshold"] != packed["threshold"]
    of_volumes = metrics["volume"]["max"].get("threshold", "@threshold")
    assert now["volume_threshold"] == (
        of_volumes
        if of_volumes == "@threshold"
        else f"${of_volumes!r} if @threshold == {now['threshold']!r} else @threshold"
    )
    assert now["slice_position"] == metrics["slice_position"]
    assert now["finding_rule"]["map_scale"] == metrics["map_scale"]
    assert any(not torch.equal(value, before[name]) for name, value in weights(bundle).items())
    assert config(bundle, "metadata")["version"].endswith("+label.1")
    assert config(bundle, "input_profile")["threshold"] == now["threshold"]
    assert not (bundle / "models/checkpoint.pt").exists()
    assert versions(bundle) == ["0000", "0001"]
    use(bundle, "0000")
    assert config(bundle) == packed
    assert all(torch.equal(value, before[name]) for name, value in weights(bundle).items())


def test_without_masks_the_rule_of_findings_goes_to_the_new_scale(bundle, labeled, scores):
    scores(new=0.5, in_use=0.5, real=True)
    old = {"map_threshold": 0.35, "minimum_ml": 0.01, "map_scale": [0.0, 9.0]}
    (bundle / "configs/inference.json").write_text(json.dumps({**config(bundle), "finding_rule": old}))
    train(bundle, [labeled(number, name) for number, name in zip((0, 2, 6, 8), "abcd", strict=True)])
    metrics = json.loads((bundle / "runs/label/metrics.json").read_text())
    assert config(bundle)["finding_rule"] == {**old, "map_scale": metrics["map_scale"]}


def test_a_worse_model_does_not(bundle, labels, scores):
    asked = scores(new=0.5, in_use=0.51, real=True)
    before = {file: file.read_bytes() for file in [bundle / "models/model.pt", *(bundle / "configs").glob("*.json")]}
    outcome = train(bundle, labels)
    assert not outcome["replaced"]
    assert "version" not in outcome
    assert {file: file.read_bytes() for file in before} == before
    assert versions(bundle) == []
    # the model in use is scored as it is used, with what inference.json says and not with what train.json would choose
    assert asked["in_use"]["slice_position"] is None
    assert asked["in_use"]["slice_smoothing"] == config(bundle)["slice_smoothing"]


def test_patients_stay_where_they_were(bundle, labels, labeled, scores):
    scores(new=0.5, in_use=0.6)
    train(bundle, labels)
    first = parts(bundle)
    assert first["train"] | first["val"] == {"anna", "ben", "cleo"}
    assert not first["train"] & first["val"]
    record = (bundle / "models/patients.json").read_text()
    assert patient_key("anna") in record
    assert "anna" not in record
    more = [*labels, *(labeled(10 + number, name) for number, name in enumerate("pqrstu"))]
    train(bundle, more)
    second = parts(bundle)
    assert second["val"] > first["val"]
    assert second["train"] > first["train"]


def test_it_starts_from_the_model_in_use_or_from_nothing(bundle, labels, scores, monkeypatch):
    scores(new=0.5, in_use=0.6)
    asked = []
    run = bundle_runs.BundleRuns.train
    monkeypatch.setattr(
        bundle_runs.BundleRuns, "train", lambda self, *args, **knobs: asked.append(knobs) or run(self, *args, **knobs)
    )
    train(bundle, labels)
    train(bundle, labels, pretrained=False)
    assert asked[0]["initial_weights"] == str(bundle / "models/model.pt")
    assert "initial_weights" not in asked[1]


def test_values_of_masks_are_those_of_clients(bundle, labels, scores):
    scores(new=0.5, in_use=0.6)
    file = bundle / "configs/train.json"
    file.write_text(json.dumps({**config(bundle, "train"), "mask_values": [6], "supervised_cases": ["other"]}))
    train(bundle, labels)
    assert training_stats(bundle)["status"] == "done"


def test_progress_reaches_the_client(bundle, labels, scores, caplog):
    scores(new=0.5, in_use=0.6)
    task = SliceTrainTask(bundle)
    assert task.stats() == {}
    with caplog.at_level("INFO"):
        train(bundle, labels, max_epochs="2")
    stats = task.stats()
    assert (stats["status"], stats["epoch"], stats["total_epochs"]) == ("done", 2, 2)
    assert 0 <= stats["best_metric"] <= 1
    assert stats["total_time"]
    assert "epoch 2/2" in caplog.text
    assert "The new model is worse and is not used" in caplog.text
    assert task.info()["config"]["max_epochs"] == 1
    assert "Test:" not in caplog.text


def test_names_of_files_are_no_expressions(bundle, labels, scores):
    scores(new=0.5, in_use=0.6)
    for case in labels:
        image = Path(case["image"])
        case["image"] = str(image.rename(image.with_name(f"$__import__('os')._exit(3)_{image.name}")))
    train(bundle, labels, patient=r"_(anna|ben|cleo)_")
    assert training_stats(bundle)["status"] == "done"


def corrupt(labels):
    file = Path(labels[2]["image"])
    file.write_bytes(file.read_bytes()[:-200])
    return labels


def copied(labels):
    Path(labels[2]["image"]).write_bytes(Path(labels[0]["image"]).read_bytes())
    return labels


def unlabeled(labels):
    for case in labels:
        Path(case["label"]).unlink()
        case["label"] = str(Path(case["label"]).with_suffix(".csv"))
        Path(case["label"]).write_text("slice_index,class\n0,0\n1,0\n")
    return labels


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (corrupt, "ben_scan2.nii.gz must be a whole file"),
        (copied, "the same images as case 'anna_scan0' of patient 'anna'"),
        (unlabeled, "at least 2 patients with slices with the object.*got 0 of 3 labeled patients.*2 more patients"),
        (lambda labels: labels[:2], "at least 2 patients with slices with the object.*got 1 of 1.*1 more patient,"),
        (lambda labels: [], "labels must be there before a training, got none"),
    ],
)
def test_a_failure_says_why(bundle, labels, spoil, reason):
    before = {file: file.read_bytes() for file in (bundle / "models/model.pt", bundle / "configs/inference.json")}
    with pytest.raises(RuntimeError, match=f"(?s){reason}") as raised:
        train(bundle, spoil(labels))
    stats = training_stats(bundle)
    assert (stats["status"], stats["reason"]) == ("failed", str(raised.value))
    assert "Traceback" in (bundle / "runs/label/error.log").read_text()
    assert {file: file.read_bytes() for file in before} == before


def test_a_full_disk_says_so_and_changes_nothing(bundle, labels, scores, monkeypatch):
    scores(new=0.5, in_use=0.5, real=True)
    before = (bundle / "models/model.pt").read_bytes()

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bundle.consumers.label.new_model.shutil.copyfile", full)
    with pytest.raises(RuntimeError, match=r"versions must have space left"):
        train(bundle, labels)
    assert (bundle / "models/model.pt").read_bytes() == before
    assert training_stats(bundle)["status"] == "failed"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"max_epochs": 0}, "max_epochs must be a whole number of at least 1, got 0"),
        ({"pretrained": "perhaps"}, "pretrained must be true or false, got 'perhaps'"),
        ({"val_split": 1}, "val_split must be a share between 0 and 1, got 1.0"),
        ({"patient": "("}, r"patient must be a regular expression, got '\('"),
        ({"patient": "^x"}, "case ids must match patient='\\^x', got 'anna_scan0'"),
    ],
)
def test_options_that_are_none_are_refused(bundle, labels, request_, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        train(bundle, labels, **request_)


def test_one_training_at_a_time(bundle, labels):
    with holding_models(bundle), pytest.raises(RuntimeError, match="must be free, got a training at work on it"):
        train(bundle, labels)
