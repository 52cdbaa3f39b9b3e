"""Config files: ours pass for every method, and what MONAI would run by another way does not."""

import json
from itertools import pairwise

import pytest
from conftest import ROOT
from monai.bundle import ConfigParser

from bundle.gate import Policy
from bundle.gate.configs import Configs
from bundle.gate.contents import rooms
from bundle.packing import packed_inference, packed_train

POLICY = Policy.read()
LAUGHS = "a: &a [1]\n" + "\n".join(f"{c}: &{c} [{', '.join(9 * [f'*{p}'])}]" for p, c in pairwise("abcdefgh"))
"""A list of lists of lists, each nine times: 4 million entries."""
METHODS = sorted(path.stem for path in (ROOT / "configs/methods").glob("*.yaml"))


def places(name, text):
    files = {name: text.encode(), "configs/train.json": b"{}"}
    return [finding.place for finding in Configs(files, POLICY).findings()]


@pytest.mark.parametrize("method", METHODS)
def test_a_bundle_of_any_method_passes(bundle, method):
    names = ["train.json", "sizes/tiny.yaml", f"methods/{method}.yaml"]
    parser = ConfigParser()
    parser.read_config([str(ROOT / "configs" / name) for name in names])
    config = {name: value for name, value in parser.get().items() if name != "_meta_"}
    train = packed_train(config, json.loads(bundle["configs/train.json"]))
    packed = {"train": train, "inference": packed_inference(train, json.loads(bundle["configs/inference.json"]))}
    files = {f"configs/{name}.json": json.dumps(content).encode() for name, content in packed.items()}
    assert Configs(files, POLICY, rooms(bundle)).findings() == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("run: {_target_: os.system, command: id}", "run#_target_"),
        ("run: {_target_: builtins.eval}", "run#_target_"),
        ("run: {_target_: subprocess.run}", "run#_target_"),
        ("run: {_target_: bundle.losses.kl.torch.hub.load}", "run#_target_"),
        ("run: {_target_: bundle.losses}", "run#_target_"),
        ("run: {_target_: bundle.losses.torch}", "run#_target_"),
        ("run: {_target_: bundle.files.write_json}", "run#_target_"),
        ("run: {_target_: configs.evil.run}", "run#_target_"),
        ("run: {_target_: monai.bundle.download}", "run#_target_"),
        ("run: {_target_: torch.hub.load_state_dict_from_url}", "run#_target_"),
        ("run: {_target_: Lambdad, func: 1}", "run#_target_"),
        ("run: {_target_: '@a'}", "run#_target_"),
        ("run: {_target_: [Compose]}", "run#_target_"),
        ("run: {_target_: os.system, _disabled_: true}", "run#_target_"),  # another file may switch it on
        ("run: {_target_: Compose, _disabled_: $open(1)}", "run#_disabled_"),
        ("run: {_target_: Compose, _requires_: ['$open(1)']}", "run#_requires_#0"),
        ("run: {_target_: Compose, _desc_: $open(1)}", "run#_desc_"),
        ("run: {_target_: Compose, _mode_: debug}", "run#_mode_"),
        ("run: {_target_: Compose, _mode_: '%a'}", "run#_mode_"),
        ("run: {_target_: Compose, _debug_: true}", "run#_debug_"),
        ("network_def#_target_: os.system", "network_def#_target_"),
        ("network_def::_target_: os.system", "network_def#_target_"),
        ("+run: [{_target_: os.system}]", "+run#0#_target_"),
        ("+_target_: os.system", "+_target_"),
        ("a: [[[{b: [$open(1)]}]]]", "a#0#0#0#b#0"),
        ("a: &x $open(1)\nb: 1", "a"),
        ("a: &x {_target_: os.system}\nb: *x", "b#_target_"),
        ("a: !!set {$open(1)}", "a#0"),
        ("a: '%configs/evil.json::run'", "a"),
        ("a: '%b'", "a"),
        ("a: {url: 'https://example.org/model.pt'}", "a#url"),
        ("a: s3://bucket/x", "a"),
        ("a: {pretrained: true}", "a#pretrained"),
        ("teacher: models/other.pt", "teacher"),
        ("a: {_target_: bundle.workflow.Teacher, teacher: '@checkpoint'}", "a#teacher"),
        ("a: {pretrained: 1}", "a#pretrained"),
        ("a: {download: true}", "a#download"),
        ("checkpoint: /etc/passwd", "checkpoint"),
        ("checkpoint: '~/x'", "checkpoint"),
        ("checkpoint: 'C:\\x'", "checkpoint"),
        ("checkpoint: models/../../x", "checkpoint"),
        ("checkpoint: '..\\x'", "checkpoint"),
        ("a: $open('/etc/passwd')", "a"),
        ("bundle_root: models", "bundle_root"),
        ("bundle_path: {_target_: site.addsitedir, sitedir: models}", "bundle_path#sitedir"),
        ("bundle_path#sitedir: '@dataset_dir'", "bundle_path#sitedir"),
        ("imports: [$import os]", "imports#0"),
        ("imports: [$from torch import hub as inspect]", "imports#0"),
        ("config_file: [configs/train.json, configs/absent.json]", "config_file"),
        ("+config_file: configs/train.json,configs/absent.json", "+config_file"),
        ("logging_file: x.conf", "logging_file"),
        ("tracking: {handlers_id: 1}", "tracking"),
        ("tracking_uri: http://x.org", "tracking_uri"),
    ],
)
def test_an_entry_that_could_run_load_or_leave_is_refused(text, place):
    assert place in places("configs/a.yaml", text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "{"),
        ("a.json", '{"a": 1, "a": 2}'),
        ("a.YAML", "a: 1\na: 2"),
        ("a.yml", "a: !!python/object/apply:os.system [id]"),
        ("a.yaml", "a: 1\n---\nb: 2"),
        ("a.yaml", "? [a]\n: 1"),
        ("a.yaml", "&a [*a]"),
        ("a.yaml", "[" * 500),  # deeper than Python goes; the scanner takes the square of it
        ("a.json", "[" * 100_000),
        ("a.yaml", "a: &a {b: 1}\nc: {<<: *a}"),  # MONAI cannot read it either
        ("a.yaml", LAUGHS),
    ],
)  # fmt: skip
def test_a_file_that_reads_in_two_ways_or_never_ends_is_refused(name, text):
    assert places(name, text) == [""]


def test_a_file_in_another_encoding_is_refused():
    files = {"a.json": '{"run": "$open(1)"}'.encode("utf-16")}
    assert [finding.place for finding in Configs(files, POLICY).findings()] == [""]


def test_addresses_that_people_read_stay_where_the_policy_names_them():
    text = '{"schema": "https://x.org", "references": ["https://x.org"], "download_from": "https://x.org"}'
    assert places("configs/metadata.json", text) == ["download_from"]
    assert places("docs/metadata.json", text) == ["schema", "references#0", "download_from"]


def test_args_files_name_files_of_the_bundle():
    assert (
        places("configs/args/a.json", '{"config_file": ["configs/train.json"], "seed": 3, "tracking": "mlflow"}') == []
    )
