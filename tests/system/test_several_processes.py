"""Two processes that share a batch are one process: losses, scores and weights."""

import json
import socket

import pytest
import torch
from support.bundle import DEMO, NETWORK, TINY, TRAINING, ended, evaluate, flat, overlay, run, start, train

from bundle.networks import SliceViT

# without batch norm and dropout nothing depends on how a batch is shared
EXACT = {"patch_norm": "none", "dropout": 0.0, "drop_path": 0.0, "max_epochs": 2}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


def tape(folder):
    """An overlay that writes losses and scores of every epoch into the folder."""
    folder.mkdir()
    probe = {
        "_target_": "support.probes.MetricsTape",
        "path": str(folder / "tape.jsonl"),
        "validator": "@validate#evaluator",
        "write": "$@rank == 0",
    }
    return overlay(folder, **{"+train#handlers": [probe]})


def ranks(count):
    """Return what torchrun puts into the environment of each process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{"RANK": str(rank), "LOCAL_RANK": str(rank), **group} for rank in range(count)]


def epochs(folder):
    return [json.loads(line) for line in (folder / "tape.jsonl").read_text().splitlines()]


# 6 slices a scan in batches of 5 leave a last batch of 1, of which the second process gets nothing
@pytest.mark.parametrize(("batch_order", "batch_size"), [("shuffle", 7), ("scan", 5)])
def test_two_processes_are_one(phantoms, tmp_path, batch_order, batch_size):
    one, two = tmp_path / "one", tmp_path / "two"
    settings = {**TRAINING, **EXACT, "batch_order": batch_order, "batch_size": batch_size}
    folders = {"dataset_dir": phantoms, "cache_dir": phantoms.parent / "cache"}
    files = ["train.json", DEMO, TINY, "multi_gpu_train.json", tape(two)]
    both = [start(*files, rank=rank, output_dir=two, **folders, **settings) for rank in ranks(2)]
    train(phantoms, one, tape(one), **settings)

    for status, printed in map(ended, both):
        assert status == 0, printed
    assert len(epochs(one)) == 2
    for alone, shared in zip(epochs(one), epochs(two), strict=True):
        assert shared == pytest.approx(alone, abs=1e-4, rel=0, nan_ok=True)

    weights = torch.load(two / "model.pt", weights_only=True)
    network = SliceViT(**NETWORK, patch_norm="none")
    network.load_state_dict(weights, strict=True)
    for name, weight in torch.load(one / "model.pt", weights_only=True).items():
        torch.testing.assert_close(weights[name], weight, atol=1e-4, rtol=0)

    run(two / "config.json", "evaluate.json")  # one process, by the record of two
    assert (two / "metrics.json").exists()


def test_two_processes_evaluate_as_one(phantoms, trained, tmp_path):
    model = trained / "model.pt"
    alone = evaluate(phantoms, tmp_path / "one", checkpoint=model)
    folders = {"dataset_dir": phantoms, "cache_dir": phantoms.parent / "cache", "output_dir": tmp_path / "two"}
    files = ["train.json", DEMO, TINY, "evaluate.json", "multi_gpu_train.json"]
    status, printed = ended(start(*files, launcher=TORCHRUN, checkpoint=model, **folders, **TRAINING))

    assert status == 0, printed
    together = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert flat(together) == pytest.approx(flat(alone))
