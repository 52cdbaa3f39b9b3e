"""Sums, kinds of files, the log, the bill of materials."""

import json

import pytest

from bundle.gate import Policy
from bundle.gate.contents import kind_findings, logging_findings, rooms, sums
from bundle.gate.dependencies import dependency_findings
from bundle.packing import SBOM

POLICY = Policy.read()


@pytest.mark.parametrize("text", ["x  a", "0" * 64 + "  a\n" + "1" * 64 + "  a", "0" * 64 + " a", "0" * 63 + "  a"])
def test_a_list_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="must hold lines"):
        sums(text.encode())


@pytest.mark.parametrize("name", ["a.exe", "a.PY", "a.py.", "a.ts", "a.onnx", "a.sh", "Makefile", "a.ipynb", "a.zip"])
def test_kinds_that_the_policy_does_not_name_are_refused(name):
    assert [finding.file for finding in kind_findings({name: b""}, POLICY)] == [name]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[handler_a]\nclass=handlers.SocketHandler\nargs=('x.org', 1)", "handler_a#class"),
        ("[handler_a]\nclass=StreamHandler\nargs=(open('a','w'),)", "handler_a#args"),
        ("[handler_a]\nclass=StreamHandler\nkwargs={'a': exit()}", "handler_a#kwargs"),
        ("[formatter_a]\nclass=os.system", "formatter_a#class"),
        ("[DEFAULT]\nclass=os.system\n[handler_a]\nargs=()", "DEFAULT#class"),
        ("nothing", ""),
    ],
)
def test_a_log_that_evaluates_something_is_refused(text, place):
    assert place in [finding.place for finding in logging_findings({"configs/logging.conf": text.encode()})]


def test_rooms_without_a_plain_list_have_no_names():
    texts = {"a": "__all__ = [open]", "b": "", "c": "(", "d": "__all__ = ['x']\n__all__ = ['y']"}
    found = rooms({f"bundle/{name}/__init__.py": text.encode() for name, text in texts.items()})
    assert found == {f"bundle.{name}": frozenset("y" if name == "d" else "") for name in texts}


@pytest.mark.parametrize(
    ("bill", "got"),
    [
        ([{"name": "torch", "version": "1", "licenses": [{"expression": "MIT AND GPL-3.0-only"}]}], "GPL-3.0-only"),
        ([{"name": "torch", "version": "1", "licenses": [{"license": {"id": "AGPL-3.0"}}]}], "AGPL-3.0"),
        ([{"name": "torch", "version": "1"}], "no license"),
        ([], "no such package"),
    ],
)
def test_licenses_are_those_of_the_policy(bill, got):
    files = {SBOM: json.dumps({"bomFormat": "CycloneDX", "components": bill}).encode()}
    files["configs/metadata.json"] = b'{"pytorch_version": "1"}'
    assert [finding.got for finding in dependency_findings(files, POLICY)] == [got]


@pytest.mark.parametrize("use", ["required_packages_version", "optional_packages_version", "export_packages_version"])
def test_a_package_that_nobody_knows_is_not_installed(use):
    bill = {
        "bomFormat": "CycloneDX",
        "components": [{"name": "torch-fast", "version": "1", "licenses": [{"expression": "MIT"}]}],
    }
    files = {SBOM: json.dumps(bill).encode(), "configs/metadata.json": json.dumps({use: {"Torch_Fast": "1"}}).encode()}
    assert [finding.place for finding in dependency_findings(files, POLICY)] == ["torch-fast"]


@pytest.mark.parametrize("bill", ["{}", "[]", "(", '{"bomFormat": "SPDX"}', '{"bomFormat": "CycloneDX"}'])
def test_a_bill_of_another_form_is_refused(bill):
    files = {SBOM: bill.encode(), "configs/metadata.json": b"{}"}
    assert [finding.file for finding in dependency_findings(files, POLICY)] == [SBOM]
