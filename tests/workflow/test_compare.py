"""Two configs that are the same run, and two that are not."""

import pytest

from bundle.workflow.compare import Comparison, references, resolved, with_current_names, with_references

INLINE = {"preprocessing": {"_target_": "Compose", "transforms": [{"_target_": "bundle.transforms.LoadCased"}]}}
NAMED = {
    "preprocessing": {"_target_": "Compose", "_desc_": "one after the other", "transforms": ["@load"]},
    "load": {"_target_": "bundle.transforms.LoadCaseFilesd"},
}


def changes(then, now, *names, ignored=()):
    return [tuple(change) for change in Comparison(then, now).changes(names, ignored)]


@pytest.mark.parametrize(("then", "now"), [(INLINE, NAMED), (NAMED, INLINE), (NAMED, NAMED)])
def test_a_part_with_a_name_equals_the_part_in_place(then, now):
    assert changes(then, now, "preprocessing") == []


def test_another_part_under_the_name_is_a_change():
    other = {**NAMED, "load": {"_target_": "Other"}}
    ((id_, _, now),) = changes(INLINE, other, "preprocessing")
    assert (id_, now) == ("preprocessing#transforms#0", {"_target_": "Other"})
    ((id_, _, now),) = changes(NAMED, other, "preprocessing")
    assert (id_, now) == ("load", {"_target_": "Other"})


def test_ids_that_one_side_does_not_know_are_not_compared():
    then = {"n": {"_target_": "N", "old": "@old"}, "old": 1}
    now = {"n": {"_target_": "N", "new": "@new"}, "new": 2}
    assert changes(then, now, "n", "old", "new") == []
    assert changes({**then, "new": 3}, now, "n") != []


def test_places_inside_a_component_are_not_compared():
    then, now = ({"finder": {"_target_": "F", "root": root, "mask": mask}} for root, mask in (("/a", "x"), ("/b", "y")))
    assert changes(then, now, "finder") == [("finder#mask", "x", "y")]


def test_ignored_ids_are_not_followed():
    then = {"optimizer": {"params": "$@network"}, "network": "$@device", "device": "cpu"}
    now = {**then, "network": "$@other", "device": "cuda"}
    assert changes(then, now, "optimizer", ignored=["network"]) == []
    assert [change[0] for change in changes(then, now, "optimizer")] == ["device", "network"]


def test_references_of_a_config():
    config = {"a": "@x", "b": ["$@y#0 + @z::w", {"c": "me@example.org"}], "d": 3}
    assert references(config) == {"x", "y", "z"}
    assert with_references({"x"}, {"x": "@y", "y": "@x"}) == {"x", "y"}


def test_references_in_a_circle_or_to_nothing_stay():
    assert resolved("@a", {"a": "@b", "b": "@a"}) in ("@a", "@b")
    assert resolved("@nowhere", {}) == "@nowhere"


def test_names_of_version_0_1_become_those_that_are_known():
    old = {"normalise": "slice", "t": {"_target_": "T", "normalise": "$@normalise + @normalised"}}
    new = {"normalize": "slice", "t": {"_target_": "T", "normalize": "$@normalize + @normalised"}}
    assert with_current_names(old, {"normalize"}) == new
    assert with_current_names(old, {"normalise"}) == old
    assert with_current_names(new, {"normalize"}) == new
