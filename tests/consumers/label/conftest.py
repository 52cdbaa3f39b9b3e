"""A bundle as packing makes it, tiny and not trained, and the labels of clients."""

import json
import shutil

import numpy as np
import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser
from support.bundle import quick_pictures  # noqa: F401  (a fixture for every test)
from support.volumes import noise, square_mask, write_volume

from bundle.packing import packed_inference, packed_train

KNOBS = {
    **{"image_size": 16, "patch_size": 8, "in_channels": 1, "hidden_size": 16, "num_layers": 1, "num_heads": 2},
    **{
        "smoothing_kernel": 7,
        "batch_size": 16,
        "max_epochs": 1,
        "bootstrap_draws": 2,
        "key_metric": "average_precision",
    },
    **{"slice_smoothing": 1.0, "slice_position": 0.25, "learning_rate": 1e-3},
}


def defaults(name):
    return json.loads((ROOT / f"configs/{name}.json").read_text())


@pytest.fixture
def bundle(tmp_path):
    """The unpacked folder, with thresholds that no training finds by chance."""
    root = tmp_path / "lgm_vit"
    shutil.copytree(ROOT / "configs", root / "configs", ignore=shutil.ignore_patterns("[!.]*.yaml"))
    train = packed_train({**defaults("train"), **KNOBS}, defaults("train"))
    inference = packed_inference(train, defaults("inference"), 0.123, 0.456)
    for name, content in (("train", train), ("inference", inference)):
        (root / f"configs/{name}.json").write_text(json.dumps(content))
    (root / "models").mkdir()
    parser = ConfigParser(train)
    parser["network_def"].pop("_requires_")
    torch.manual_seed(0)
    torch.save(parser.get_parsed_content("network_def").state_dict(), root / "models/model.pt")
    return root


@pytest.fixture
def labeled(tmp_path):
    """Make a scan with a label of a client: odd numbers have a mask, others slice labels; the fourth has no object."""

    def labeled(number, patient):
        image = tmp_path / f"studies/{patient}_scan{number}.nii.gz"
        mask = square_mask(slices=() if number == 4 else (1, 2))
        write_volume(image, (noise(number, channels=1)[..., 0] + 2 * mask).astype(np.float32))
        label = tmp_path / f"studies/labels/final/{image.name}"
        if number % 2:
            write_volume(label, mask)
        else:
            label = label.with_name(f"{patient}_scan{number}.csv")
            label.parent.mkdir(parents=True, exist_ok=True)
            rows = [f"{index},{int(mask[..., index].any())}" for index in range(4)]
            label.write_text("\n".join(["slice_index,class", *rows, ""]))
        return {"image": str(image), "label": str(label)}

    return labeled


@pytest.fixture
def labels(labeled):
    """Six scans of three patients."""
    return [labeled(number, patient) for number, patient in enumerate(["anna", "anna", "ben", "ben", "cleo", "cleo"])]
