"""Patients of training and validation."""

import pytest

from bundle.consumers.label.patients import PatientLabels, assign, labeled_items, patient_key

BOTH, POSITIVE, NEGATIVE = PatientLabels(True, True), PatientLabels(True, False), PatientLabels(False, True)


def recorded(parts):
    return {patient_key(name): part for name, part in parts.items()}


def validating(parts):
    return {name for name, part in parts.items() if part == "val"}


@pytest.mark.parametrize("count", range(2, 30))
def test_the_share_validates_and_both_parts_have_both_kinds(count):
    patients = {f"p{number}": NEGATIVE if number % 3 else BOTH for number in range(count * 3)}
    found = validating(assign(patients, {}, 0.2))
    assert abs(len(found) - 0.2 * len(patients)) <= 2
    assert any(patients[name] == BOTH for name in found)
    assert any(patients[name] == BOTH for name in patients.keys() - found)


def test_the_order_of_the_labels_does_not_matter():
    patients = {f"p{number}": NEGATIVE if number % 4 else BOTH for number in range(20)}
    assert assign(patients, {}) == assign(dict(reversed(patients.items())), {})


def test_who_was_assigned_stays_while_patients_come_and_go():
    patients = {f"p{number}": BOTH for number in range(6)}
    known = recorded(first := assign(patients, {}))
    grown = assign({**patients, **{f"q{number}": BOTH for number in range(30)}}, known)
    assert {name: grown[name] for name in patients} == first
    assert len(validating(grown)) == round(0.2 * 36)


def test_patients_whose_labels_allow_it_validate_both_kinds():
    patients = {**{f"p{number}": POSITIVE for number in range(9)}, "a": BOTH, "b": BOTH}
    parts = assign(patients, {}, 0.1)
    assert len({parts["a"], parts["b"]}) == 2


@pytest.mark.parametrize(
    ("patients", "message"),
    [
        ({"a": BOTH}, "got 1 of 1 labeled patients and none to validate: .* of 1 more patient,"),
        ({}, "with the object, .* got 0 of 0 labeled patients and none to train and validate: .* 2 more patients,"),
        ({"a": BOTH, "b": POSITIVE}, "slices without the object, .* got 1 of 2 .* 1 more patient,"),
    ],
)
def test_too_few_are_counted(patients, message):
    with pytest.raises(ValueError, match=message):
        assign(patients, {})


def test_a_part_that_lost_its_labels_is_told():
    with pytest.raises(ValueError, match=r"got 2 of 2 labeled patients and none to validate: .* 1 more patient,"):
        assign({"a": BOTH, "b": BOTH}, recorded({"a": "train", "b": "train"}))


def test_the_first_channel_names_the_patient_and_a_given_one_wins():
    cases = [{"image": ["x/ann_1_t1.nii.gz", "x/ann_1_t2.nii.gz"], "label": "l"}, {"image": "b.nii", "patient": "ann"}]
    items = labeled_items(cases, "^([a-z]+)_?")
    assert [item["patient"] for item in items] == ["ann", "ann"]
    assert [item["patient"] for item in labeled_items(cases)] == ["ann_1_t1", "ann"]
