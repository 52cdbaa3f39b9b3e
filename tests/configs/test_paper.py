"""The paper's settings, each value as the paper and its authors' code give it, typed in anew."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser
from support.bundle import SIZE, tiny_bundle
from support.datasets import DEPTH, brats2020, lits17

from bundle.data import Case, split_cases, supervised_cases

BOTH = {
    "image_size": 256,
    "patch_size": 16,
    "in_channels": 3,
    "num_classes": 1,
    "hidden_size": 768,
    "num_layers": 12,
    "num_heads": 12,
    "mlp_ratio": 4.0,
    "dropout": 0.1,
    "drop_path": 0.1,
    "patch_norm": "batch",
    "qkv_bias": False,
    "max_epochs": 25,
    "learning_rate": 1e-5,
    "min_learning_rate": 1e-7,
    "weight_decay": 1e-4,
    "batch_size": 32,
    "batch_order": "scan",
    "accumulation_steps": 1,
    "early_stopping": None,
    "smoothing_kernel": 51,
    "supervised_cases": "all",
    "normalize": "slice",
    "augmentation": None,
    "key_metric": "f1",
    "threshold": 0.5,
}
OWN = {
    "brats2020": {"localization_weight": 1000.0, "beta": 0.85, "min_last_fraction": None},
    "lits17_organ": {"localization_weight": 250.0, "beta": 0.95, "min_last_fraction": 0.7},
}


def paper(name: str, *others: str, folder: Path = Path(), **knobs):
    return tiny_bundle("train", [f"datasets/{name}", *others, f"paper/{name}"], folder, **knobs)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("others", [["sizes/base16"], ["sizes/base16", "methods/lgmvit"]])
def test_every_setting(name, others):
    knobs = ["image_size", "patch_size", "hidden_size", "num_layers", "num_heads", "smoothing_kernel"]
    assert sorted(knobs) == sorted(SIZE)  # what tiny_bundle changed is put back
    parser = paper(name, *others, **{knob: BOTH[knob] for knob in knobs}, max_epochs=25)
    assert {knob: parser.get_parsed_content(knob) for knob in BOTH} == BOTH
    assert {knob: parser.get_parsed_content(knob) for knob in OWN[name]} == OWN[name]
    assert parser["attribution#_target_"] == "bundle.attribution.EAFEM"
    assert parser["localization_loss#_target_"] == "bundle.losses.DistributionKL"
    assert parser.get_parsed_content("smooth").sigma == pytest.approx(8.0)


def test_base16_is_the_papers_network():
    content = ConfigParser.load_config_file(ROOT / "configs/sizes/base16.yaml")
    assert {knob: BOTH[knob] for knob in content} == content


def test_optimizer_and_schedule_run_from_the_first_rate_to_the_last(tmp_path):
    parser = paper("brats2020", folder=tmp_path, max_epochs=25)
    optimizer, scheduler = parser.get_parsed_content("optimizer"), parser.get_parsed_content("lr_scheduler")
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.param_groups[0]["weight_decay"] == 1e-4
    rates = []
    for _ in range(26):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    expected = 1e-7 + (1e-5 - 1e-7) * (1 + np.cos(np.pi * np.arange(26) / 25)) / 2
    np.testing.assert_allclose(rates, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "cases", "parts", "subsets"),
    [
        ("brats2020", 369, (258, 37, 74), {0.3334: 86, 0.6667: 172}),
        ("lits17_organ", 131, (92, 13, 26), {0.326: 30, 0.652: 60}),
    ],
)
def test_splits_and_supervised_subsets_have_the_papers_numbers(name, cases, parts, subsets):
    records = [Case(f"c{n}", f"c{n}", "x", ("f",), None) for n in range(cases)]
    split = split_cases(records, fractions=paper(name)["split_fractions"])
    assert (len(split.train), len(split.val), len(split.test)) == parts
    ids = [item["case"] for item in split.train]
    text = (ROOT / f"configs/paper/{name}.yaml").read_text()
    for fraction, count in subsets.items():
        assert str(fraction) in text
        assert supervised_cases(fraction, ids, np.ones(len(ids), bool)).sum() == count


def test_slices_lie_as_in_the_file(tmp_path):
    """Files point left, posterior, superior as the raster, or right, anterior, superior: turned by 180 degrees."""
    for name, write in {"lits17_organ": lits17, "brats2020": brats2020}.items():
        cases = write(tmp_path / name / "data")
        parser = paper(name, folder=tmp_path / name, split_fractions=[1.0, 0.0, 0.0], normalize="none")
        parser["store_dtype"] = "float32"
        store = parser.get_parsed_content("train#dataset")
        for place, case in enumerate(store.cases):
            turned = name == "lits17_organ" and place % 2 == 0
            raster = cases[case].image[-1]
            expected = np.moveaxis(raster[::-1, ::-1] if turned else raster, -1, 0)
            batch = store.__getitems__(range(place * DEPTH, (place + 1) * DEPTH))
            assert np.array_equal(batch["image"][:, -1].numpy(), expected)


def test_file_order_is_the_same_for_brats(tmp_path):
    brats2020(tmp_path / "data")
    turned, kept = (
        tiny_bundle("train", ["datasets/brats2020", *others], tmp_path).get_parsed_content("train#dataset")
        for others in ([], ["orientation/file_order"])
    )
    assert turned.store.folder != kept.store.folder
    for one, other in zip(turned, kept, strict=True):
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["mask"], other["mask"])
