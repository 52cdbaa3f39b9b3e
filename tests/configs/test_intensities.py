"""Every overlay of intensities against its formula in numpy: in the slice store, and in what the inferer takes."""

import numpy as np
import pytest
from support.bundle import tiny_bundle
from support.datasets import DEPTH, lgg, lits17


def volume(channel: np.ndarray) -> np.ndarray:
    return (channel - channel.min()) / (channel.max() - channel.min())


def percentiles(channel: np.ndarray) -> np.ndarray:
    low, high = np.percentile(channel, [0.5, 99.5])
    return np.clip((channel - low) / (high - low), 0, 1)


def ct_window(channel: np.ndarray) -> np.ndarray:
    return np.clip((channel + 160) / 400, 0, 1)


FORMULAS = {"volume": volume, "percentiles": percentiles, "ct_window": ct_window}


@pytest.mark.parametrize("dataset", ["lgg", "lits17_organ"])
@pytest.mark.parametrize("name", FORMULAS)
def test_training_and_inference_scale_by_the_formula(name, dataset, tmp_path):
    cases = {"lgg": lgg, "lits17_organ": lits17}[dataset](tmp_path / "data")
    overlays = [f"datasets/{dataset}", f"intensities/{name}"]
    training = tiny_bundle("train", overlays, tmp_path, split_fractions=[1.0, 0.0, 0.0])
    store = training.get_parsed_content("train#dataset")
    inference = tiny_bundle("inference", overlays, tmp_path)
    seen = {item["case"]: item["image"].as_tensor() for item in inference.get_parsed_content("dataset")}
    slice_transform = inference.get_parsed_content("slice_transform")
    for place, case in enumerate(store.cases):
        scaled = np.stack([FORMULAS[name](channel.astype(float)) for channel in cases[case].image])
        expected = np.broadcast_to(np.moveaxis(scaled, -1, 0), (DEPTH, 3, 16, 16))
        stored = store.__getitems__(range(place * DEPTH, (place + 1) * DEPTH))["image"]
        np.testing.assert_allclose(stored.float().numpy(), expected, atol=5e-4)
        inferred = slice_transform.image(seen[case].permute(3, 0, 1, 2)).numpy()
        np.testing.assert_allclose(inferred, expected, atol=1e-5)


def test_what_the_organ_mask_hides_is_black_in_the_window(tmp_path):
    cases = lits17(tmp_path / "data")
    overlays = ["datasets/lits17_lesion", "organ/mask", "intensities/ct_window"]
    training = tiny_bundle("train", overlays, tmp_path, split_fractions=[1.0, 0.0, 0.0])
    store = training.get_parsed_content("train#dataset")
    case = cases[store.cases[0]]
    expected = np.where(case.mask > 0, ct_window(case.image[0].astype(float)), 0)
    stored = store.__getitems__(range(DEPTH))["image"][:, 2].float().numpy()
    np.testing.assert_allclose(stored, np.moveaxis(expected, -1, 0), atol=5e-4)
