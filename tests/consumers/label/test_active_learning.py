"""Scores of images for active learning, and the image that comes next."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from bundle.consumers.label.scoring_task import MostUncertain, SliceUncertainty
from bundle.consumers.label.uncertainty import KEY, image_scores, label_calibration, next_image
from bundle.files import write_json
from bundle.probabilities import label_entropy, scan_uncertainty

RULE = {"map_threshold": 0.5, "minimum_ml": 0.0, "map_scale": [0.0, 2.0], "slice_threshold": 0.5, "findings": []}


def rows(probabilities, blank=()):
    return [
        {"slice": index, "probability": p, "positive": p >= 0.5, "blank": index in blank}
        for index, p in enumerate(probabilities)
    ]


def found(probabilities, maxima=None, blank=()):
    """What `StudyNetwork.infer` gives, of slices along the third axis of the file."""
    case = {"result": {"slices": rows(probabilities, blank)}}
    if maxima is not None:
        volume = torch.zeros(1, 4, 4, len(maxima))
        volume[0, 1, 2] = torch.tensor(maxima)
        affine = np.diag([-1.0, -1.0, 1.0, 1.0])
        meta = {"affine": affine, "original_affine": affine, "spatial_shape": np.array(volume.shape[1:])}
        case |= {"image": MetaTensor(volume, affine=affine, meta=meta), "pred": volume, "findings": RULE}
    return case


def test_uncertainty_is_that_of_the_slices_with_something_in_them():
    probabilities = [0.5, 0.9, 0.2]
    assert image_scores(found(probabilities)) == {"uncertainty": scan_uncertainty(probabilities)}
    assert image_scores(found(probabilities, blank=(0,))) == {"uncertainty": scan_uncertainty([0.9, 0.2])}
    assert image_scores(found([0.5], blank=(0,))) == {"uncertainty": 0.0}


def test_a_calibration_moves_the_least_certain_probability():
    bias = {"bias": float(np.log(0.75 / 0.25))}
    assert image_scores(found([0.25]), bias)["uncertainty"] == pytest.approx(1)
    assert image_scores(found([0.25]))["uncertainty"] == pytest.approx(label_entropy([0.25])[0])


def test_several_classes_have_the_entropy_of_all_of_them():
    case = found([0.5])
    case["result"]["slices"][0] |= {"probability_0": 0.5, "probability_1": 0.25, "probability_2": 0.25}
    assert image_scores(case, {"bias": 9.0})["uncertainty"] == pytest.approx(1.5 / np.log2(3))


def test_label_and_map_disagree_where_one_of_them_sees_nothing():
    assert image_scores(found([0.9, 0.9, 0.1, 0.1], [1.5, 0.0, 1.0, 0.9]))["disagreement"] == pytest.approx(2 / 3)
    assert image_scores(found([0.9, 0.1], [1.5, 0.5]))["disagreement"] == 0
    assert "disagreement" not in image_scores(found([0.9]))


def test_a_map_along_another_axis_of_the_file_is_not_compared():
    case = found([0.9, 0.1], [1.5, 0.5])
    case["image"].affine = torch.eye(4)[[2, 1, 0, 3]].double()
    assert set(image_scores(case)) == {"uncertainty"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"threshold": 0.3}, {"slope": 0.5}),
        ({"threshold": 0.3, "score_calibration": None}, {"slope": 0.5}),
        ({"threshold": 0.4}, None),  # of other weights, or set by hand
        ({"threshold": 0.3, "score_calibration": {"bias": 1.0}}, None),  # calibrated already
    ],
)
def test_the_calibration_is_that_of_the_packed_weights(tmp_path, settings, expected):
    write_json(tmp_path / "configs/inference.json", settings)
    profile = {"threshold": 0.3, "label_calibration": {"slope": 0.5}}
    assert label_calibration(SimpleNamespace(root=tmp_path, profile=profile)) == expected
    assert label_calibration(SimpleNamespace(root=tmp_path, profile={})) is None


def info(value, weights="now", given=None):
    served = {"strategy": {"uncertain": {"ts": given}}} if given is not None else {}
    return {KEY: {"weights_sha256": weights, "uncertainty": value}, **served}


def test_the_most_uncertain_comes_first_then_those_just_given_then_those_without_a_score():
    infos = {
        "a": info(0.5), "b": info(0.9, weights="old"), "c": info(0.8, given=9_000), "d": info(0.5), "e": {},
        "f": info(0.6, given=100),
    }  # fmt: skip
    order = []
    while infos:
        image, value = next_image(infos, "now", "uncertainty", "uncertain", now=10_000)
        order.append((image, value))
        del infos[image]
    assert order == [("f", 0.6), ("a", 0.5), ("d", 0.5), ("c", 0.8), ("b", None), ("e", None)]


class Store:
    """Datastore with three images, the last of them labeled; `b` cannot be read."""

    def __init__(self):
        self.infos = {"a": {}, "b": {}, "c": {}, "labeled": {}}

    def get_unlabeled_images(self, label_tag=None, labels=None):
        return [name for name in self.infos if name != "labeled"]

    def get_image_info(self, image_id):
        return self.infos[image_id]

    def get_image_uri(self, image_id):
        return f"/studies/{image_id}.nii.gz"

    def update_image_info(self, image_id, more):
        self.infos[image_id] = {**self.infos[image_id], **more}


class Network:
    """Answers by the name of the file and counts the questions."""

    def __init__(self, root):
        self.asked, self.weights, self.root, self.profile = [], "first", root, {}

    @property
    def model(self):
        return SimpleNamespace(weights_sha256=self.weights)

    def on(self, device=None):
        return self

    def infer(self, image, device=None):
        self.asked.append(image)
        if image == "/studies/b.nii.gz":
            raise OSError("b.nii.gz must be a NIfTI file, got another: convert it.")
        return self, found([0.5 if image == "/studies/c.nii.gz" else 0.9])


@pytest.fixture
def task(tmp_path):
    write_json(tmp_path / "configs/inference.json", {})
    return SimpleNamespace(network=Network(tmp_path))


def test_images_without_a_label_are_scored_once_and_a_bad_one_is_named(task, caplog):
    store, score = Store(), SliceUncertainty(task)
    said = score({}, store)
    assert (said["total"], said["skipped"], said["executed"]) == (3, 0, 2)
    assert said["failed"].keys() == {"b"}
    assert "b is not scored: OSError: b.nii.gz must be a NIfTI file" in caplog.text
    assert store.infos["c"][KEY] == {"uncertainty": 1.0, "weights_sha256": "first"}
    assert store.infos["labeled"] == {}
    task.network.asked.clear()
    assert score({}, store)["skipped"] == 2
    assert task.network.asked == ["/studies/b.nii.gz"]


def test_a_new_model_scores_anew_and_its_scores_alone_count(task):
    store, score, strategy = Store(), SliceUncertainty(task), MostUncertain(task)
    score({}, store)
    assert strategy({"strategy": "uncertain"}, store) == {"id": "c", "uncertainty": 1.0, "scored": True}
    task.network.weights = "second"
    assert strategy({"strategy": "uncertain"}, store) == {"id": "a", "uncertainty": None, "scored": False}
    assert score({}, store)["executed"] == 2
    assert store.infos["a"][KEY]["weights_sha256"] == "second"


def test_a_strategy_reads_its_own_score_and_gives_nothing_if_all_are_labeled(task):
    store, strategy = Store(), MostUncertain(task, "disagreement")
    store.infos["b"] = {KEY: {"weights_sha256": "first", "uncertainty": 0.1, "disagreement": 0.5}}
    store.infos["c"] = {KEY: {"weights_sha256": "first", "uncertainty": 0.9, "disagreement": 0.2}}
    assert strategy({}, store) == {"id": "b", "disagreement": 0.5, "scored": True}
    store.infos = {"labeled": {}}
    assert strategy({}, store) is None
    assert "disagreement" in strategy.info()["description"]
    assert "entropy" in SliceUncertainty(task).info()["description"]
    with pytest.raises(ValueError, match="score must be one of uncertainty, disagreement, got 'entropy'"):
        MostUncertain(task, "entropy")
