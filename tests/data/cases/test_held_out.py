"""Weights that saw a case which is held out are refused, also at second hand."""

import json

import pytest

from bundle.data import require_held_out, require_held_out_at_start


@pytest.fixture
def chain(tmp_path):
    """Weights of a run that started from another one, and that from its own."""
    for name, train, start in (("first", ["a", "b"], "first"), ("second", ["c"], "first"), ("third", ["d"], "second")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "split.json").write_text(json.dumps({"train": train, "val": ["v"]}))
        record = {"initial_weights": {"file": str(tmp_path / start / "model.pt")}, "pretrained": None}
        (tmp_path / name / "run.json").write_text(json.dumps(record))
    return tmp_path


def test_the_teacher_of_a_run_is_looked_at_too(chain):
    record = {"teacher": {"file": str(chain / "second/model.pt")}}
    (chain / "third/run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"second/model\.pt must"):
        require_held_out_at_start(chain / "third/model.pt", ["c"])


@pytest.mark.parametrize(("case", "culprit"), [("d", "third"), ("c", "second"), ("b", "first")])
def test_a_case_that_was_trained_on_is_found_in_the_run_that_did(case, culprit, chain):
    with pytest.raises(
        ValueError, match=rf"{culprit}/model\.pt must .* the 2 cases .* got 1 of them in .*, e\.g\. {case}: "
    ):
        require_held_out(chain / "third/model.pt", ["x", case])


def test_other_cases_and_those_of_validation_are_none(chain):
    require_held_out(chain / "third/model.pt", ["x", "v"])


def test_the_start_alone_is_looked_at_for_the_weights_of_a_run(chain):
    require_held_out_at_start(chain / "third/model.pt", ["d"])
    with pytest.raises(ValueError, match=r"second/model\.pt must"):
        require_held_out_at_start(chain / "third/model.pt", ["c"])


@pytest.mark.parametrize(
    ("knob", "is_warned_of"), [("teacher", True), ("initial_weights", True), ("pretrained", False)]
)
def test_a_run_that_does_not_tell_its_cases_is_warned_of(knob, is_warned_of, chain, caplog):
    """As where its folder was moved; of a ViT that somebody brings nothing tells."""
    record = {knob: {"file": str(chain / "moved/model.pt")}}
    (chain / "third/run.json").write_text(json.dumps(record))
    require_held_out(chain / "third/model.pt", ["x"])
    told = f"{chain}/moved/model.pt: no split.json lies beside it; cases that are held out may have been trained on."
    assert (told in caplog.messages) == is_warned_of
