"""A split that the data bring along is the split; folds are chosen; test lists without labels are left alone."""

import json
from itertools import chain

import pytest

from bundle.data import Datalist, DecathlonCases, split_cases


def entries(*names, label=True, **more):
    return [
        {"image": f"{n}.nii", "case": n, "patient": n, **({"label": f"{n}_m.nii"} if label else {}), **more}
        for n in names
    ]


def cases(tmp_path, **lists):
    (tmp_path / "list.json").write_text(json.dumps(lists))
    return Datalist(tmp_path / "list.json").find()


TRAIN = list("abcdefgh")


@pytest.mark.parametrize(
    "names", [("training", "validation", "testing"), ("train", "val", "test"), ("Train", "valid", "TEST")]
)
def test_lists_are_the_split_with_one_line(tmp_path, names):
    found = cases(tmp_path, **dict(zip(names, (entries(*TRAIN), entries("v", "w"), entries("x")), strict=True)))
    with pytest.warns(UserWarning, match=r"own split, and it is used: 8 train, 2 val, 1 test.*data_split to false"):
        split = split_cases(found)
    assert split.case_ids == {"train": TRAIN, "val": ["v", "w"], "test": ["x"]}


def test_a_knob_wins_with_a_line_and_data_split_ignores_without(tmp_path, recwarn):
    found = cases(tmp_path, training=entries(*TRAIN), validation=entries("v", "w"))
    mixed = split_cases(found, data_split=False)
    assert not recwarn.list
    assert mixed.case_ids != {"train": TRAIN, "val": ["v", "w"], "test": []}
    with pytest.warns(UserWarning, match="own split, and num_folds is used in its place"):
        folded = split_cases(found, num_folds=2, fold=0)
    assert len(folded.test) == 5


def test_without_a_validation_list_its_patients_come_from_training(tmp_path):
    found = cases(tmp_path, training=entries(*TRAIN), test=entries("x"))
    with pytest.warns(UserWarning, match="no validation cases: they are drawn from the patients of its training"):
        split = split_cases(found)
    assert [len(split.train), len(split.val), split.case_ids["test"]] == [7, 1, ["x"]]
    assert split_cases(found, fractions=(0.8, 0.0, 0.2)).val == []


def test_one_list_alone_is_no_split(tmp_path, recwarn):
    split = split_cases(cases(tmp_path, training=entries(*TRAIN)))
    assert all((split.train, split.val, split.test))
    assert not recwarn.list


def test_a_patient_in_two_lists_is_named(tmp_path):
    again = [{"image": "y.nii", "case": "y", "patient": "a"}]
    with pytest.raises(ValueError, match=r"patient 'a' must be in one part, got train and val \(case 'y'\)"):
        split_cases(cases(tmp_path, training=entries(*TRAIN), validation=again))


@pytest.mark.parametrize("test", [["x.nii", "y.nii"], entries("x", "y", label=False)])
def test_a_test_list_without_labels_is_left_alone(tmp_path, test):
    found = cases(tmp_path, training=entries(*TRAIN), testing=test)
    assert len(found) == 10  # inference sees them
    with pytest.warns(UserWarning, match="the test list has 2 cases without labels, e.g. 'x': they are left alone"):
        split = split_cases(found)
    assert sorted(chain(*split.case_ids.values())) == TRAIN


def test_a_test_part_without_any_label_is_refused(tmp_path):
    (tmp_path / "split.json").write_text(json.dumps({"train": TRAIN, "test": ["x"]}))
    found = cases(tmp_path, training=entries(*TRAIN), validation=entries("x", label=False))
    with pytest.raises(ValueError, match=r"the test part must hold cases with labels, got 1 without, e\.g\. 'x'"):
        split_cases(found, split_file=tmp_path / "split.json")


def folded():
    return [
        entry
        for name, fold in zip(TRAIN, [0, 0, 1, 1, 2, 2, None, None], strict=True)
        for entry in entries(name, fold=fold)
    ]


@pytest.mark.parametrize(("fold", "val"), [(None, ["a", "b"]), (0, ["a", "b"]), (2, ["e", "f"]), ("1", ["c", "d"])])
def test_folds_of_the_entries_validate_one_after_the_other(tmp_path, fold, val):
    with pytest.warns(UserWarning, match="own split"):
        split = split_cases(cases(tmp_path, training=folded()), fold=fold)
    assert split.case_ids == {"train": sorted({*TRAIN}.difference(val)), "val": val, "test": []}


def test_a_fold_that_the_data_lack_is_named(tmp_path):
    with pytest.raises(ValueError, match="fold must be one of the data's folds, 0, 1, 2, got 3"):
        split_cases(cases(tmp_path, training=folded()), fold=3)
    with pytest.raises(ValueError, match="own split must have training cases, got none"):
        split_cases(cases(tmp_path, training=entries(*TRAIN, fold=0)))


FOLDS = [{"train": TRAIN[2:], "val": TRAIN[:2]}, {"train": TRAIN[:6], "val": TRAIN[6:]}]


def test_splits_final_of_nnunet(tmp_path):
    found = cases(tmp_path, training=entries(*TRAIN))
    file = tmp_path / "splits_final.json"
    file.write_text(json.dumps(FOLDS))
    assert split_cases(found, split_file=file, fold=1).case_ids["val"] == TRAIN[6:]
    with pytest.warns(UserWarning, match="holds 2 folds: fold 0 is used, set fold to choose"):
        assert split_cases(found, split_file=file).case_ids["val"] == TRAIN[:2]
    with pytest.raises(ValueError, match="fold must be from 0 to 1, got 2"):
        split_cases(found, split_file=file, fold=2)
    file.write_text(json.dumps(FOLDS[0]))
    with pytest.raises(ValueError, match="must be a list of folds where fold is set, got one split"):
        split_cases(found, split_file=file, fold=0)


def test_entries_of_a_split_file_may_be_numbers_but_not_nothing(tmp_path):
    found = cases(tmp_path, training=[{"image": f"{n}.nii", "case": n, "patient": n} for n in range(3)])
    file = tmp_path / "split.json"
    file.write_text(json.dumps({"train": [0, {"case": 1}], "val": [2.0]}))
    assert split_cases(found, split_file=file).case_ids == {"train": ["0", "1"], "val": ["2"], "test": []}
    file.write_text(json.dumps({"train": [0, None]}))
    with pytest.raises(ValueError, match="entries of a split file must be case ids or file names, got null"):
        split_cases(found, split_file=file)


def test_lists_of_dataset_json_with_labels_are_parts(tmp_path):
    pairs = [
        [{"image": f"{folder}/{n}.nii", "label": f"l/{n}.nii"} for n in names]
        for folder, names in (("Tr", "ab"), ("Va", "c"))
    ]
    (tmp_path / "dataset.json").write_text(
        json.dumps({"training": pairs[0], "validation": pairs[1], "test": ["Ts/d.nii"]})
    )
    for name in ("Tr/a.nii", "Tr/b.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.warns(UserWarning, match="own split"):
        split = split_cases(DecathlonCases(tmp_path).find())
    assert split.case_ids == {"train": ["a", "b"], "val": ["c"], "test": []}


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"training": entries("a"), "validaton": entries("b")}, "got 'validaton': did you mean 'validation'"),
        ({"training": entries("a"), "unlabeled": entries("b")}, "got 'unlabeled': rename it, or set `section`"),
        ({"training": [{"image": "a.nii", "lable": "m.nii"}]}, "got 'lable' for a.nii: did you mean 'label'"),
        ({"training": [{"image": "a.nii", "mask": "m.nii"}]}, "got 'mask' for a.nii: did you mean 'label'"),
        ({"training": [{"image": "a.nii", "Patient": "p"}]}, "got 'Patient' for a.nii: did you mean 'patient'"),
        ({"training": [{"image": "a.nii", "pateint": "p"}]}, "did you mean 'patient'"),
    ],
)
def test_slips_of_names_are_refused_with_the_nearest(tmp_path, lists, message):
    with pytest.raises(ValueError, match=message):
        cases(tmp_path, **lists)


def test_other_keys_and_lists_of_words_are_harmless(tmp_path):
    more = {"age": 53, "size": 3, "mask": "other.nii"}
    with pytest.warns(UserWarning, match="the keys age, size, mask of its entries are not used"):
        [case] = cases(tmp_path, labels=["background", "tumor"], modality={"0": "CT"}, training=entries("a", **more))
    assert case.case == "a"
    with pytest.warns(UserWarning, match=r"got \['north', 'south'\]: they are mixed"):
        assert len(cases(tmp_path, north=entries("a"), south=entries("b"))) == 2


def test_a_fold_that_lists_do_not_have_is_refused(tmp_path):
    found = cases(tmp_path, training=entries(*TRAIN), validation=entries("v"), testing=entries("x"))
    with pytest.raises(ValueError, match="fold must be null where the data's lists are the split, got 3"):
        split_cases(found, fold=3)


def test_dataset_json_keeps_patient_site_and_fold_of_its_entries(tmp_path):
    listed = [{"image": f"{n}.nii", "label": f"{n}_m.nii", "patient": "P0", "site": 0, "fold": 0} for n in "ab"]
    (tmp_path / "dataset.json").write_text(json.dumps({"training": listed}))
    for n in "ab":
        (tmp_path / f"{n}.nii").touch()
    assert [(case.case, case.patient, case.site, case.fold) for case in DecathlonCases(tmp_path).find()] == [
        ("a", "P0", "0", "0"),
        ("b", "P0", "0", "0"),
    ]


def test_an_empty_label_in_dataset_json_is_an_error(tmp_path):
    listed = [{"image": "a.nii", "label": "a_m.nii"}, {"image": "b.nii", "label": ""}]
    (tmp_path / "dataset.json").write_text(json.dumps({"training": listed}))
    with pytest.raises(ValueError, match="must give an image and a label in each entry"):
        DecathlonCases(tmp_path).find()
