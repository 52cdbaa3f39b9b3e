"""A bundle of two channels with random weights, and volumes for it."""

import json

import nibabel as nib
import numpy as np
import torch
from conftest import ROOT
from monai.bundle import ConfigParser
from support.bundle import NETWORK

AFFINE = np.array([[-2.0, 0, 0, 10], [0, -2, 0, 20], [0, 0, 3, -5], [0, 0, 0, 1]])
SHAPE = (24, 20, 4)


def write_bundle(root, channels=("T1", "FLAIR"), **settings):
    """Write what packing leaves of a run: configs and weights."""
    (root / "configs").mkdir(parents=True)
    (root / "models").mkdir()
    metadata = json.loads((ROOT / "configs" / "metadata.json").read_text())
    image = metadata["network_data_format"]["inputs"]["image"]
    image["channel_def"] = {str(number): name for number, name in enumerate(channels)}
    (root / "configs" / "metadata.json").write_text(json.dumps(metadata))
    inference = json.loads((ROOT / "configs" / "inference.json").read_text())
    rule = {"map_threshold": 0.5, "minimum_ml": 0.0, "map_scale": [0.1, 0.13]}
    inference |= {**NETWORK, "in_channels": len(channels), "finding_rule": rule, "threshold": 0.0, **settings}
    (root / "configs" / "inference.json").write_text(json.dumps(inference))
    write_weights(root, 0)
    return root


def write_weights(root, seed):
    """Replace the weights."""
    config = json.loads((root / "configs" / "inference.json").read_text())
    config["network_def"].pop("_requires_")
    torch.manual_seed(seed)
    torch.save(ConfigParser(config).get_parsed_content("network_def").state_dict(), root / "models" / "model.pt")


def write_volume(file, seed=0, shape=SHAPE):
    """Write a volume of noise."""
    file.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).random(shape, dtype=np.float32)
    nib.save(nib.Nifti1Image(values, AFFINE), file)
    return file


def write_group(folder, case="case_a"):
    """Write a file for each channel, and a mask beside them."""
    for seed, name in enumerate(("t1", "flair", "seg")):
        write_volume(folder / f"{case}_{name}.nii.gz", seed)
    return folder
