"""Weights: a state dict passes, whatever could run code does not, and nothing is run to find out."""

import collections
import io
import os
import pickle
import zipfile

import pytest
import torch

from bundle.gate import Policy
from bundle.gate.weights import weight_findings

POLICY = Policy.read()


def saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def rewritten(data, change, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in {**entries, **change}.items():
            archive.writestr(name, content)
    return file.getvalue()


class Runs:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def findings(data):
    return list(weight_findings("models/model.pt", data, POLICY))


def test_state_dicts_pass():
    network = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
    assert findings(saved(network.state_dict())) == []
    types = (torch.float16, torch.bfloat16, torch.float64, torch.int32, torch.bool)
    assert findings(saved({str(kind): torch.zeros(1, dtype=kind) for kind in types})) == []


HIDDEN = pickle.dumps(Runs(), protocol=4)


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (pickle.dumps(Runs()), "File is not a zip file"),
        (saved(Runs()), f"{os.mkdir.__module__}.mkdir"),
        (saved({"weight": torch.zeros(1), "more": Runs()}), f"{os.mkdir.__module__}.mkdir"),
        (saved(collections.Counter()), "collections.Counter"),
        (saved({}, _use_new_zipfile_serialization=False), "File is not a zip file"),
        (b"", "File is not a zip file"),
        (rewritten(saved({}), {"archive/data.pkl": HIDDEN}), "STACK_GLOBAL"),
        (rewritten(saved({}), {"archive/data.pkl": b"(S'ran'\nios\nmkdir\n."}), "INST"),
        (rewritten(saved({}), {"archive/data.pkl": b"\x82\x01."}), "EXT1"),
        (rewritten(saved({}), {"archive/data.pkl": b"\xff"}), "opcode b'\\xff' unknown"),
        (rewritten(saved({}), {"archive/code/a.py": b""}), "another entry, as of a program"),
        (rewritten(saved({}), {"archive/data/../x": b""}), "another entry, as of a program"),
        (rewritten(saved({}), {"other/data.pkl": b""}), "['archive/data.pkl', 'other/data.pkl']"),
        (rewritten(saved({"a": torch.zeros(9999)}), {}, zipfile.ZIP_DEFLATED), "a compressed entry"),
        (saved({"weight": torch.tensor([float("nan")])}), "NaN or infinity in 1 of 1, e.g. weight"),
        (saved([torch.zeros(1)]), "a list"),
    ],
)
def test_others_are_refused_without_being_run(tmp_path, monkeypatch, data, got):
    monkeypatch.chdir(tmp_path)
    assert got in " ".join(str(finding.got) for finding in findings(data))
    assert not list(tmp_path.iterdir())


def test_a_program_is_refused():
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 1), torch.zeros(1, 2)), file)
    assert "another entry, as of a program" in {finding.got for finding in findings(file.getvalue())}
