"""The bill of materials: what is needed, with versions and licenses as the packages state them."""

import json
from importlib.metadata import version

import pytest

from bundle.packing import needed_packages, sbom_text
from bundle.packing.sbom import sbom

METADATA = {"version": "1", "pytorch_version": "2", "required_packages_version": {"PyYAML": "6", "jinja2": "3"}}


def test_packages_and_what_they_need_are_listed_once():
    bill = json.loads(sbom_text(METADATA))
    names = [part["name"] for part in bill["components"]]
    assert names == sorted(set(names))
    assert {"torch", "pyyaml", "jinja2", "markupsafe", "typing-extensions"} <= set(names)
    assert "pytest" not in names
    refs = [part["bom-ref"] for part in bill["components"]]
    assert {link["ref"] for link in bill["dependencies"]} == {"lgm_vit", *refs}
    (of_model,) = (link["dependsOn"] for link in bill["dependencies"] if link["ref"] == "lgm_vit")
    assert [ref.partition("@")[0] for ref in of_model] == ["pkg:pypi/jinja2", "pkg:pypi/pyyaml", "pkg:pypi/torch"]


def test_versions_and_licenses_are_those_that_are_installed():
    parts = {part["name"]: part for part in sbom(METADATA)["components"]}
    assert parts["torch"]["version"] == version("torch")
    assert parts["torch"]["purl"] == f"pkg:pypi/torch@{version('torch').replace('+', '%2B')}"
    assert all(part["licenses"] for part in parts.values())
    assert parts["jinja2"]["licenses"] == [{"license": {"name": "BSD License"}}]  # of its classifier


def test_the_same_packages_give_the_same_text():
    assert sbom_text(METADATA) == sbom_text(METADATA)


def test_a_needed_package_that_is_absent_is_named():
    with pytest.raises(ValueError, match="no-such-package must be installed, as metadata"):
        sbom({"required_packages_version": {"No_Such.Package": "1"}})


def test_metadata_without_packages_needs_none():
    assert needed_packages({}) == []
