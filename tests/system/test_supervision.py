"""The supervised cases supervise the maps, and no others."""

import pytest
from monai.bundle import ConfigParser
from support.bundle import DATALIST, ROOT, checkpoint, record, same_bits, train
from support.volumes import noise, square_mask, write_datalist

from bundle.networks import SliceViT

POSITIVE = (2, 3)
CSV = "slice_index,class\n" + "".join(f"{index},{int(index in POSITIVE)}\n" for index in range(5))
# no dropout draws, so that two ways to one sum agree
PLAIN = {"dropout": 0.0, "drop_path": 0.0, "split_fractions": [0.8, 0.2, 0.0], "max_epochs": 2}
CASES = [f"case_{number}" for number in range(10)]


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """Ten cases with masks."""
    cases = [(noise(number), square_mask(slices=POSITIVE)) for number in range(10)]
    return write_datalist(tmp_path_factory.mktemp("masked") / "data", cases)


@pytest.fixture(scope="module")
def everybody(masked):
    """A run that all cases supervise."""
    return train(masked, masked.parent / "everybody", dataset=DATALIST, **PLAIN)


def losses(run):
    return {name: record(run)["metrics"][name] for name in ("loss", "classification_loss", "localization_loss")}


def test_slices_labelled_by_csv_train_the_classifier_and_not_the_maps(masked, tmp_path):
    odd = [(noise(number), square_mask(slices=POSITIVE) if number % 2 else CSV) for number in range(10)]
    mixed = write_datalist(tmp_path / "data", odd)
    by_csv = train(mixed, tmp_path / "mixed", dataset=DATALIST, **PLAIN)
    chosen = [name for name in CASES[1::2] if name in train_cases(masked)]

    unsupervised = train(masked, tmp_path / "unsupervised", dataset=DATALIST, supervised_cases=chosen, **PLAIN)

    assert losses(by_csv) == losses(unsupervised)
    assert losses(by_csv)["localization_loss"] > 0
    assert same_bits(checkpoint(by_csv)["model"], checkpoint(unsupervised)["model"])


def train_cases(data):
    """Return the cases that the split of these settings trains on."""
    parser = ConfigParser()
    parser.read_config([ROOT / "configs" / file for file in ("train.json", DATALIST)])
    parser.update({"dataset_dir": str(data), "split_fractions": PLAIN["split_fractions"]})
    return parser.get_parsed_content("split").case_ids["train"]


def test_naming_every_case_is_all(masked, everybody, tmp_path):
    named = train(masked, tmp_path, dataset=DATALIST, supervised_cases=train_cases(masked), **PLAIN)

    assert same_bits(checkpoint(named), checkpoint(everybody))


def test_half_of_the_cases_train_another_network_of_the_same_classes(masked, everybody, tmp_path):
    half = train(masked, tmp_path, dataset=DATALIST, supervised_cases=0.5, **PLAIN)

    assert losses(half)["localization_loss"] > 0
    assert losses(half)["localization_loss"] != losses(everybody)["localization_loss"]


def test_no_supervised_case_trains_the_plain_network(masked, tmp_path):
    nobody = train(masked, tmp_path / "nobody", dataset=DATALIST, supervised_cases=0, **PLAIN)
    plain = train(masked, tmp_path / "plain", "methods/baseline.yaml", dataset=DATALIST, **PLAIN)

    assert losses(nobody)["localization_loss"] == 0
    assert losses(nobody)["classification_loss"] == pytest.approx(record(plain)["metrics"]["loss"], abs=1e-6)


def test_the_baseline_computes_no_evidence_in_its_steps(phantoms, tmp_path, monkeypatch):
    def no_evidence(network, *arguments, **options):
        if network.training:  # pictures of validation slices need it too
            raise AssertionError("evidence was computed")
        return forward_evidence(network, *arguments, **options)

    forward_evidence = SliceViT.forward_evidence

    monkeypatch.setattr(SliceViT, "forward_evidence", no_evidence)

    run = train(phantoms, tmp_path, "methods/baseline.yaml", max_epochs=2)

    assert "localization_loss" not in record(run)["metrics"]


def test_the_method_computes_evidence(phantoms, tmp_path, monkeypatch):
    monkeypatch.setattr(SliceViT, "forward_evidence", None)

    with pytest.raises(Exception, match="Failed to evaluate"):
        train(phantoms, tmp_path, "methods/lgmvit.yaml", max_epochs=1)
