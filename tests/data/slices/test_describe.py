"""Fingerprints: equal in every process, different for every argument."""

import functools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT
from monai.data import MetaTensor
from monai.transforms import Compose, EnsureTyped, LoadImaged, OneOf, Orientationd, RandFlipd, ScaleIntensityRanged
from monai.utils import InterpolateMode
from support.slices import NotDescribable, ToySlices

from bundle.data import describe, fingerprint
from bundle.transforms import SliceTransform, SliceVolumed

LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


def chain(*, keys=("image", "label"), dtype=torch.float32, axcodes="PLS", a_min=0.0, clip=True):
    return Compose(
        [
            LoadImaged(keys=keys),
            EnsureTyped(keys="image", dtype=dtype),
            Orientationd(keys=keys, axcodes=axcodes, labels=LABELS),
            ScaleIntensityRanged(keys="image", a_min=a_min, a_max=1.0, b_min=0.0, b_max=1.0, clip=clip),
        ]
    )


def test_another_process_with_another_hash_seed_agrees():
    code = (
        "from data.slices.test_describe import chain; from bundle.data import fingerprint; print(fingerprint(chain()))"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = os.environ | {"PYTHONHASHSEED": "4711", "PYTHONPATH": paths}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == fingerprint(chain())


@pytest.mark.parametrize(
    "change", [{"keys": ("image",)}, {"dtype": torch.float64}, {"axcodes": "RAS"}, {"a_min": 0.5}, {"clip": False}]
)
def test_every_argument_counts(change):
    assert fingerprint(chain(**change)) != fingerprint(chain())


def test_project_transforms():
    def sliced(size=8, num_classes=1, preprocessing=None):
        return SliceVolumed(SliceTransform(size), num_classes=num_classes, preprocessing=preprocessing or chain())

    names = {
        fingerprint(sliced()),
        fingerprint(sliced(size=9)),
        fingerprint(sliced(num_classes=2)),
        fingerprint(sliced(preprocessing=chain(clip=False))),
    }
    assert len(names) == 4
    assert fingerprint(sliced()) in names


def test_used_transforms_keep_their_name():
    transform = chain()
    before = fingerprint(transform)
    transform.set_random_state(seed=3)
    transform.R.rand()
    assert fingerprint(transform) == before


def test_a_preprocessing_keeps_its_name_once_used():
    """MONAI's invertible transforms make attributes at their first call; evaluation must find training's store."""
    transform = SliceVolumed(SliceTransform(8))
    before = fingerprint(transform)
    image = MetaTensor(torch.rand(1, 4, 4, 2), affine=torch.diag(torch.tensor([1.0, -1.0, 2.0, 1.0])))
    transform.preprocessing({"image": image})
    assert fingerprint(transform) == before


def double(value):
    return 2 * value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.float32([1, 2]), np.float32([1, 3])),
        (np.float32([1, 2]), np.float64([1, 2])),
        (torch.zeros(2, 1), torch.zeros(1, 2)),
        (1, True),
        (1, 1.0),
        (float("inf"), float("nan")),
        ({1: "a"}, {"1": "a"}),
        ({"a", "b"}, {"a", "c"}),
        (np.dtype("int8"), np.dtype("uint8")),
        (torch.device("cpu"), torch.device("meta")),
        (InterpolateMode.AREA, InterpolateMode.BICUBIC),
        (double, functools.partial(double, value=1)),
        (ToySlices(2).arrays, ToySlices(3).arrays),
        (ToySlices, NotDescribable),
        (len, sorted),
    ],
)
def test_values(one, other):
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)
    json.dumps(describe(one), allow_nan=False)


def test_owner_and_caches():
    owner, twin = ToySlices(), ToySlices()
    owner.child = ToySlices(3)
    owner.child.owner = owner
    twin.child = ToySlices(3)
    twin.child.owner = twin
    twin.read_cache = {"a": 1}
    assert fingerprint(owner) == fingerprint(twin)
    assert describe(owner)["state"]["child"]["state"]["owner"] == {"parent": 2}


class OnlySlots:
    __slots__ = ("size", "unset")

    def __init__(self, size):
        self.size = size


def test_slots():
    assert describe(OnlySlots(3))["state"] == {"size": 3}


def test_code_in_main_counts(monkeypatch):
    plain = fingerprint(OnlySlots)
    monkeypatch.setattr(OnlySlots, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "OnlySlots", OnlySlots, raising=False)
    assert fingerprint(OnlySlots) != plain


def local(value):
    def inner():
        return value

    return inner


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda: 1, "lambda"),
        (local(1), "local"),
        (Compose([double, lambda item: item]), "lambda"),
        (NotDescribable(), "attributes"),
        (Compose([RandFlipd("image")]), "RandFlipd: slices are kept"),
        (OneOf([ScaleIntensityRanged("image", 0, 1, 0, 1)]), "OneOf"),
        (np.array([object()]), "dtype object"),
        (type("Typed", (), {"__module__": "__main__"}), "typed in"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        fingerprint(value)
