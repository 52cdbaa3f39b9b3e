"""A training with nothing to learn is refused, what it survives is told in one line."""

import pytest
import torch

from bundle.data import (
    SliceDataset,
    describe_labels,
    label_warnings,
    require_labels,
    require_unseen,
    warn_of_lost_masks,
)
from bundle.data.slices import learnable
from bundle.data.slices.learnable import describe_lost_masks
from bundle.files import write_json


class Slices:
    """Two slices a case; the item's `classes` are their labels, `masked` says whether a mask gave them."""

    def __call__(self, item):
        pixels = torch.arange(4.0).reshape(1, 2, 2)
        return [
            {
                "image": pixels,
                "mask": torch.full((1, 2, 2), float(label > 0 and item["masked"])),
                "label": torch.tensor([float(label)]),
                "supervised": float(item["masked"]),
                "slice_index": index,
            }
            for index, label in enumerate(item["classes"])
        ]


class TinyLesions(Slices):
    """The lesion of the first slice of a case is lost where the slice becomes smaller."""

    def __call__(self, item):
        first, *others = super().__call__(item)
        return [{**first, "mask": torch.zeros(1, 2, 2)}, *others]


def dataset(tmp_path, *cases, transform=None):
    items = [
        {"image": f"{n}.nii", "case": str(n), "patient": str(n), "classes": list(classes), "masked": masked}
        for n, (classes, masked) in enumerate(cases)
    ]
    return SliceDataset(items, transform or Slices(), tmp_path / "cache")


def test_kinds_of_labels_are_counted(tmp_path):
    data = dataset(tmp_path, ((0, 1), True), ((1, 0), False), ((0, 0), False), ((-1, -1), False))
    assert describe_labels(data) == "4 cases: masks 1, slice labels 2, no labels 1; 2 of 6 labeled slices positive"
    require_labels(data, "training")
    assert list(label_warnings(data, data, maps=True)) == []


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ([], "the training part must hold cases with labels, got no cases"),
        (
            [((-1, -1), False)],
            "the training part must hold cases with labels, got 1 cases: masks 0, .*the key is 'label'",
        ),
    ],
)
def test_nothing_to_learn_is_refused(tmp_path, cases, message):
    with pytest.raises(ValueError, match=message):
        require_labels(dataset(tmp_path, *cases), "training")


def test_a_test_part_without_labels_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the test part must hold cases with labels, got no cases"):
        require_labels(dataset(tmp_path), "test")


def test_what_training_survives_is_told(tmp_path):
    positive = dataset(tmp_path, ((1, 1), False))
    unlabeled = dataset(tmp_path, ((-1, -1), False))
    negative = dataset(tmp_path, ((0, 0), True), ((0, -1), False))
    assert [line.split(":")[0] for line in label_warnings(negative, negative)] == ["no training slice is positive"]
    lines = list(label_warnings(positive, dataset(tmp_path), maps=True))
    assert [line.split(":")[0] for line in lines] == [
        "all labeled training slices are positive",
        "no training case has a mask",
        "there are no validation cases",
    ]
    assert list(label_warnings(dataset(tmp_path, ((0, 1), True)), unlabeled)) == [
        "no validation case has labels: nothing chooses the best epoch, model.pt holds the last one"
    ]


def test_weights_that_have_seen_a_test_case_are_refused(tmp_path, caplog):
    data, weights = dataset(tmp_path, ((0, 1), True)), tmp_path / "fold1/model.pt"
    require_unseen(data, [weights])
    assert "no split.json lies beside it" in caplog.text
    write_json(tmp_path / "fold1/split.json", {"train": ["other"], "val": [], "test": data.cases})
    require_unseen(data, [weights])
    write_json(tmp_path / "fold1/split.json", {"train": ["other"], "val": data.cases})
    with pytest.raises(
        ValueError, match=f"have seen no test case, got 1 that its split.json names, e.g. {data.cases[0]}"
    ):
        require_unseen(data, [weights])


def test_cases_of_another_folder_may_have_the_same_names(tmp_path, caplog):
    data = dataset(tmp_path, ((0, 1), True))
    weights = tmp_path / "fold1/model.pt"
    write_json(weights.with_name("split.json"), {"train": data.cases, "val": []})
    write_json(weights.with_name("config.json"), {"dataset_dir": str(tmp_path / "here")})
    require_unseen(data, [weights], dataset_dir=tmp_path / "there")
    assert "Its data were in another folder: if these are the same patients" in caplog.text
    with pytest.raises(ValueError, match="must be weights that have seen no test case"):
        require_unseen(data, [weights], dataset_dir=tmp_path / "there/../here")


def test_thresholds_chosen_on_cases_that_weights_were_trained_on_are_warned_of(tmp_path, caplog):
    test, validation = (dataset(tmp_path / name, ((0, 1), True)) for name in ("test", "val"))
    validation.cases = ["v"]
    write_json(tmp_path / "fold1/split.json", {"train": ["v", "w"], "val": []})
    require_unseen(test, [tmp_path / "fold1/model.pt"], validation)
    assert "was trained on 1 of 1 validation cases, e.g. v: thresholds that are chosen on them do not" in caplog.text


def test_the_run_of_the_folder_needs_no_list_of_its_cases(tmp_path, caplog):
    """Its split is compared by the hash; weights that come from elsewhere have none beside them."""
    test, weights = dataset(tmp_path, ((0, 1), True)), tmp_path / "models/model.pt"
    write_json(tmp_path / "run/run.json", {})
    require_unseen(test, [weights], None, tmp_path / "run")
    assert not warned(caplog)
    require_unseen(test, [weights], None, tmp_path / "other")
    assert "no split.json lies beside it" in caplog.text


def warned(caplog):
    return [record.message for record in caplog.records if record.levelname == "WARNING"]


def test_lesions_that_are_lost_in_smaller_slices_are_told(tmp_path, caplog):
    """Maps are scored by the larger lesions alone, which looks better than it is."""
    lost = dataset(tmp_path, ((1, 1), True), ((1, 0), True), ((1, 1), False), transform=TinyLesions())
    warn_of_lost_masks(dataset(tmp_path, ((1, 1), True), ((0, 1), False)))
    assert not warned(caplog)
    warn_of_lost_masks(lost)
    assert (
        "Test: 2 of 3 positive slices have lesions so small that their masks have no pixel left at 2 px" in caplog.text
    )
    assert "2 of 3 positive slices have lesions so small" in next(label_warnings(lost, lost, maps=True))
    assert not [line for line in label_warnings(lost, lost) if "so small" in line]


def test_of_many_masks_some_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(learnable, "_LOOKED_AT", 3)
    lost = dataset(tmp_path, *[((1, 1), True)] * 4, transform=TinyLesions())
    read, original = [], lost.store.marked
    monkeypatch.setattr(lost.store, "marked", lambda positions: read.append(positions.tolist()) or original(positions))
    line = describe_lost_masks(lost)
    assert "1 of 3 positive slices that were looked at, of 8, have lesions so small" in line
    assert read == [[0, 3, 7]]
