"""The gate as a whole: our own bundle passes, and hostile ones do not."""

import json
import os
import pickle
import runpy
import sys
import zipfile

import pytest
from conftest import ROOT

from bundle.gate import gate


def found(report):
    return {(finding.file, finding.place) for finding in report.findings}


def test_our_own_bundle_passes_and_everything_of_it_is_listed(bundle, pack):
    report = gate(pack(bundle))
    assert report.passes, report.lines()
    text = "\n".join(report.lines())
    assert "bundle.networks.SliceViT" in text
    assert "$@network_def.to(@device)  (configs/" in text
    assert "torch 2." in text
    assert text.endswith("passes")


HOSTILE = {
    "an import": {"configs/inference.json": b"{\"run\": [\"$__import__('os').system('id')\"]}"},
    "a pickle for weights": {"models/model.pt": pickle.dumps(os.system)},
    "a program at the start of Python": {"sitecustomize.py": b""},
    "a module that hides torch": {"torch/__init__.py": b""},
    "other code": {"bundle/networks/slice_vit.py": b"import os"},
    "code that is missing": {"bundle/keys.py": None},
    "code among the configs": {"configs/evil.py": b""},
    "a library": {"bundle/networks/fast.so": b"\x7fELF"},
    "a path file": {"evil.pth": b"import os"},
    "a compiled module": {"bundle/keys.pyc": b""},
    "a log that runs code": {"configs/logging.conf": b"[handler_x]\nclass=eval('print')\nargs=()\n"},
    "no bill of materials": {"sbom.cdx.json": None},
    "a bill of one who needs nothing": {"sbom.cdx.json": b'{"bomFormat": "CycloneDX", "components": []}'},
    "a second bill of weights by address": {"large_files.yml": b"large_files: [{url: https://x.org/a, path: a}]"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_is_refused_even_with_right_sums(bundle, pack, name):
    files = {file: data for file, data in {**bundle, **HOSTILE[name]}.items() if data is not None}
    report = gate(pack(files))
    assert {file for file, _ in found(report)} == set(HOSTILE[name])


def changed(archive, change):
    """Write the archive anew with its entries changed, its list of sums as it was."""
    with zipfile.ZipFile(archive) as file:
        entries = [(info.filename, file.read(info)) for info in file.infolist()]
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in change(entries):
            file.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "file"),
    [
        (lambda entries: [(n, d + b" " * n.endswith("LICENSE")) for n, d in entries], "LICENSE"),
        (lambda entries: [(n, d) for n, d in entries if not n.endswith("LICENSE")], "LICENSE"),
        (lambda entries: [*entries, ("lgm_vit/docs/more.md", b"")], "docs/more.md"),
        (lambda entries: [(n, d) for n, d in entries if not n.endswith("SHA256SUMS")], "SHA256SUMS"),
        (lambda entries: [(n, b"x" if n.endswith("SHA256SUMS") else d) for n, d in entries], "SHA256SUMS"),
        (lambda entries: [*entries, ("../evil.txt", b"")], "lgm_vit.zip"),
        (lambda entries: [*entries, ("/etc/evil.txt", b"")], "lgm_vit.zip"),
        (lambda entries: [*entries, ("lgm_vit/LICENSE", b"")], "lgm_vit.zip"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_changed_missing_or_further_file_is_refused(bundle, pack, change, file):
    archive = pack(bundle)
    changed(archive, change)
    assert {name for name, _ in found(gate(archive))} == {file}


def test_a_changed_byte_of_the_archive_is_refused(bundle, pack):
    archive = pack(bundle)
    data = bytearray(archive.read_bytes())
    data[data.index(b"model.pt") + 2000] ^= 1
    archive.write_bytes(bytes(data))
    assert not gate(archive).passes


def test_the_archive_s_own_sum_is_compared(bundle, pack):
    archive = pack(bundle)
    told = gate(archive).sha256
    assert gate(archive, sha256=told.upper()).passes
    assert [finding.got for finding in gate(archive, sha256="0" * 64).findings] == [told]


def test_reviewed_code_may_be_of_another_version(bundle, pack, tmp_path):
    files = {**bundle, "bundle/keys.py": b"# reviewed"}
    archive = pack(files)
    with zipfile.ZipFile(archive) as file:
        (tmp_path / "reviewed").write_bytes(file.read("lgm_vit/SHA256SUMS"))
    assert not gate(archive).passes
    assert gate(archive, code=tmp_path / "reviewed").passes


def test_a_hospital_can_allow_less_and_more(bundle, pack, tmp_path):
    policy = tmp_path / "policy.yaml"
    text = (ROOT / "bundle/gate/policy.yaml").read_text()
    policy.write_text(text.replace("  - bundle.networks.*\n", "  - monai.networks.nets.*\n"))
    files = {**bundle, "configs/methods/dense.yaml": b"network_def: {_target_: monai.networks.nets.DenseNet121}"}
    places = {str(finding.got) for finding in gate(pack(files), policy).findings}
    assert "bundle.networks.SliceViT" in places
    assert "monai.networks.nets.DenseNet121" not in places


@pytest.fixture
def command(monkeypatch, capsys):
    """Run scripts/gate.py and return its status and what it prints."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gate.py", *map(str, arguments)])
        monkeypatch.setattr(sys, "path", [*sys.path])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "scripts/gate.py"), run_name="__main__")
        return ended.value.code, capsys.readouterr()

    return run


def test_the_script_says_it_to_people_and_machines(command, pack, tmp_path):
    archive = pack({"configs/a.json": b'{"run": ["$\\u001b[2J"]}'})
    status, told = command(archive)
    assert status == 1
    assert "configs/a.json: run#0 must be built of what the policy allows" in told.out
    assert "\x1b" not in told.out
    status, told = command(archive, "--json")
    assert status == 1
    report = json.loads(told.out)
    assert not report["passes"]
    assert {"file", "place", "expected", "got", "remedy"} == report["findings"][0].keys()
    status, told = command("--print_policy")
    assert (status, told.out) == (0, (ROOT / "bundle/gate/policy.yaml").read_text())
    status, told = command(tmp_path / "absent.zip")
    assert status == 2
    assert told.err.startswith("error: ")
    (tmp_path / "policy.yaml").write_text("targets: []")
    status, told = command(archive, "--policy", tmp_path / "policy.yaml")
    assert status == 2
    assert "got a wrong imports, names" in told.err
    assert command()[0] == 2
