"""Splits: the paper's counts, no leak, and files written by others."""

import json
from collections import Counter
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundle.data import Case, Split, split_cases

PARTS = ("train", "val", "test")


def make(count: int, *, per_patient: int = 1, sites: str = "x") -> list[Case]:
    patients = [f"p{n // per_patient:04}" for n in range(count)]
    return [
        Case(f"c{n:04}", patient, sites[int(patient[1:]) % len(sites)], (f"{n}.nii",), None)
        for n, patient in enumerate(patients)
    ]


def patients(split: Split) -> list[set[str]]:
    return [{item["patient"] for item in getattr(split, part)} for part in PARTS]


@pytest.mark.parametrize(
    ("count", "expected"), [(369, (258, 37, 74)), (131, (92, 13, 26)), (3, (1, 1, 1)), (10, (7, 1, 2))]
)
def test_counts_of_the_paper(count, expected):
    assert tuple(len(getattr(split_cases(make(count)), part)) for part in PARTS) == expected


cohorts = st.lists(st.tuples(st.integers(0, 12), st.sampled_from("xyz")), min_size=3, max_size=60).map(
    lambda pairs: [Case(f"c{n}", f"p{p}", s, (f"{n}.nii",), None) for n, (p, s) in enumerate(pairs)]
)


@settings(max_examples=60, deadline=None)
@given(cohorts, st.integers(0, 5), st.randoms(use_true_random=False))
def test_no_patient_in_two_parts_nobody_lost_and_order_does_not_matter(cases, seed, random):
    if len({case.patient for case in cases}) < 3:
        with pytest.raises(ValueError, match="at least 3 patients"):
            split_cases(cases, seed=seed)
        return
    split = split_cases(cases, seed=seed)
    train, val, test = patients(split)
    assert all((train, val, test))
    assert (train & val) | (train & test) | (val & test) == set()
    assert sorted(chain(*split.case_ids.values())) == sorted(case.case for case in cases)
    shuffled = random.sample(cases, len(cases))
    assert split_cases(shuffled, seed=seed) == split


@settings(max_examples=30, deadline=None)
@given(cohorts, st.integers(2, 5), st.integers(0, 3))
def test_every_patient_is_tested_once_over_the_folds(cases, num_folds, seed):
    everyone = {case.patient for case in cases}
    if len(everyone) < num_folds + 3:
        return
    splits = [split_cases(cases, num_folds=num_folds, fold=fold, seed=seed) for fold in range(num_folds)]
    tested = Counter(patient for split in splits for patient in patients(split)[2])
    assert tested == Counter(everyone)
    for split in splits:
        train, val, test = patients(split)
        assert (train & val) | (train & test) | (val & test) == set()
        assert train | val | test == everyone


@pytest.mark.parametrize("seed", range(5))
def test_sites_are_spread_in_proportion(seed):
    split = split_cases(make(200, sites="xxxy"), seed=seed)
    for part, share in zip(PARTS, (0.7, 0.1, 0.2), strict=True):
        sites = Counter(item["site"] for item in getattr(split, part))
        assert abs(sites["x"] - 150 * share) <= 2
        assert abs(sites["y"] - 50 * share) <= 2


def test_seed_decides():
    cases = make(60)
    assert split_cases(cases, seed=1).hash == split_cases(cases, seed=1).hash != split_cases(cases, seed=2).hash


def test_folds_take_validation_from_the_rest():
    split = split_cases(make(60), num_folds=5, fold=0)
    assert [len(getattr(split, part)) for part in PARTS] == [42, 6, 12]


def test_held_out_site_is_the_test_set():
    split = split_cases(make(60, sites="xy"), test_site="y")
    numbered = split_cases(make(60, sites="12"), test_site=2)  # as a command line reads it
    assert len(numbered.test) == len(split.test)
    assert {item["site"] for item in split.test} == {"y"}
    assert {item["site"] for item in split.train + split.val} == {"x"}
    assert (len(split.train), len(split.val), len(split.test)) == (26, 4, 30)


def test_patient_seen_at_the_held_out_site_and_elsewhere_is_named():
    cases = [*make(10), Case("again", "p0003", "y", ("again.nii",), None)]
    with pytest.raises(
        ValueError, match=r"patient 'p0003' must be in one part, got test, for site 'y', and train or val"
    ):
        split_cases(cases, test_site="y")


def test_part_with_share_zero_stays_empty():
    split = split_cases(make(10), fractions=(0.8, 0.0, 0.2))
    assert [len(getattr(split, part)) for part in PARTS] == [8, 0, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fractions": (0.7, 0.2, 0.2)}, r"sum 1, got \(0.7, 0.2, 0.2\)"),
        ({"fractions": (0.8, 0.2)}, r"split_fractions must be three shares .*, got \(0.8, 0.2\)"),
        ({"num_folds": 5}, "num_folds and fold must come together, got 5 and None"),
        ({"fold": 1}, "num_folds and fold must come together, got None and 1"),
        ({"num_folds": 5, "fold": 5}, "fold must be from 0 to num_folds - 1 = 4, got 5"),
        ({"num_folds": 11, "fold": 0}, "number of patients, 10, got 11"),
        ({"test_site": "z"}, r"test_site must be one of \['x'\], got 'z'"),
        ({"test_site": "x", "num_folds": 2, "fold": 0}, "at most one of"),
    ],
)
def test_contradictions_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        split_cases(make(10), **options)


def test_written_split_reads_back_with_the_same_hash(tmp_path):
    cases = make(20, per_patient=2)
    split = split_cases(cases)
    split.write(tmp_path / "new" / "split.json")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["split.json"]
    again = split_cases(cases, split_file=tmp_path / "new" / "split.json")
    assert (again, again.hash) == (split, split.hash)


def write(path, **parts):
    path.write_text(json.dumps(parts))
    return path


LITS = [Case(f"volume-{n}", f"volume-{n}", "x", (f"scans/volume-{n}.nii",), None) for n in range(4)]


def test_entries_may_be_ids_file_names_or_items(tmp_path):
    file = write(
        tmp_path / "s.json",
        training=["volume-0.nii", {"image": "elsewhere/volume-1.nii"}],
        validation=["volume-2"],
        test=[{"case": "volume-3", "image": ["x.nii"]}],
    )
    ids = split_cases(LITS, split_file=file).case_ids
    assert ids == {"train": ["volume-0", "volume-1"], "val": ["volume-2"], "test": ["volume-3"]}


def test_cases_the_file_does_not_name_are_counted(tmp_path):
    with pytest.warns(UserWarning, match="does not name 2 of 4 cases"):
        split = split_cases(LITS, split_file=write(tmp_path / "s.json", train=["volume-0"], test=["volume-1"]))
    assert split.val == []


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"train": ["Volume-1.nii"]}, r"'Volume-1.nii' in train is no case on disk \(nearest: 'volume-1.nii'\)"),
        ({"train": ["volume-0"], "test": ["volume-0.nii"]}, "'volume-0' is in train and test"),
        ({"trian": ["volume-0"]}, r'"train", "val" and "test", got the lists \[\'trian\'\]'),
    ],
)
def test_split_files_with_mistakes_are_refused(tmp_path, parts, message):
    with pytest.raises(ValueError, match=message):
        split_cases(LITS, split_file=write(tmp_path / "s.json", **parts))


def test_name_that_fits_two_cases_asks_for_the_id(tmp_path):
    cases = [Case(site, site, site, (f"{site}/t1.nii",), None) for site in "ab"]
    with pytest.raises(ValueError, match=r"'t1.nii' in train may be any of \['a', 'b'\]"):
        split_cases(cases, split_file=write(tmp_path / "s.json", train=["t1.nii"]))


def test_patient_in_two_parts_of_a_file_is_named(tmp_path):
    file = write(tmp_path / "s.json", train=["c0000", "c0002"], test=["c0001"])
    with pytest.raises(ValueError, match=r"patient 'p0000' must be in one part, got train and test \(case 'c0001'\)"):
        split_cases(make(3, per_patient=2), split_file=file)
