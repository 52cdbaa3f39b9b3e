"""Every overlay of a data set, on its layout on disk: what is stored, one epoch of training, inference on all cases."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest
import torch
from conftest import ROOT
from support.bundle import tiny_bundle
from support.datasets import DEPTH, LAYOUTS, ORIENTATIONS, SIZE

LESION_ONLY = {"amos", "lits17_lesion"}
WITHOUT_MASKS = {"datalist"}


def scaled(image: np.ndarray) -> np.ndarray:
    """(C,H,W,D) -> (D,C,H,W), min-max per slice and channel."""
    slices = np.moveaxis(image, -1, 0).astype(np.float64)
    low, high = slices.min(axis=(2, 3), keepdims=True), slices.max(axis=(2, 3), keepdims=True)
    return (slices - low) / (high - low)


@pytest.fixture(params=sorted(LAYOUTS))
def layout(request, tmp_path):
    return request.param, LAYOUTS[request.param](tmp_path / "data"), tmp_path


def test_every_overlay_has_a_layout():
    assert sorted(path.stem for path in (ROOT / "configs/datasets").glob("*.yaml")) == sorted(LAYOUTS)


def test_training_stores_the_slices_of_the_files(layout):
    name, cases, folder = layout
    parser = tiny_bundle("train", [f"datasets/{name}"], folder, split_fractions=[1.0, 0.0, 0.0])
    dataset = parser.get_parsed_content("train#dataset")
    assert sorted(dataset.cases) == sorted(cases)
    for place, case_id in enumerate(dataset.cases):
        case = cases[case_id]
        batch = dataset.__getitems__(range(place * DEPTH, (place + 1) * DEPTH))
        expected = scaled(case.image)
        copies = batch["image"].shape[1] // expected.shape[1]  # a CT is seen three times
        np.testing.assert_allclose(batch["image"].numpy(), expected.repeat(copies, axis=1), atol=5e-4)
        mask = np.moveaxis(case.mask > (name in LESION_ONLY), -1, 0)
        assert batch["label"].flatten().tolist() == mask.any(axis=(1, 2)).tolist()
        if name in WITHOUT_MASKS:
            assert batch["supervised"].sum() == batch["mask"].sum() == 0
        else:
            assert np.array_equal(batch["mask"][:, 0].numpy(), mask)
            assert batch["supervised"].tolist() == [1] * DEPTH


def test_a_network_trains_and_infers_on_the_same_slices(layout):
    name, cases, folder = layout
    overlays = [f"datasets/{name}", "methods/lgmvit"]
    training = tiny_bundle("train", overlays, folder, learning_rate=3e-3)
    network = training.get_parsed_content("network")
    start = {key: value.clone() for key, value in network.state_dict().items()}
    trainer = training.get_parsed_content("train#trainer")
    losses = []
    trainer.add_event_handler("ITERATION_COMPLETED", lambda engine: losses.append(engine.state.output))
    trainer.run()
    assert np.isfinite([output["loss"].item() for output in losses]).all()
    assert any(output["localization_loss"].item() > 0 for output in losses) != (name in WITHOUT_MASKS)
    assert not all(torch.equal(start[key], value) for key, value in network.state_dict().items())

    inference = tiny_bundle("inference", overlays, folder)
    inference.get_parsed_content("evaluator").run()
    assert inference.get_parsed_content("dataset").failures == {}
    assert sorted(path.name for path in (folder / "results").iterdir()) == sorted(cases)
    store = training.get_parsed_content("train#dataset")
    with torch.no_grad():
        images = torch.stack([store[index]["image"] for index in range(DEPTH)])
        evidence = network.eval().forward_evidence(images)
        maps = training.get_parsed_content("attribution")(evidence, (SIZE, SIZE))[:, 0].permute(1, 2, 0).numpy()
    results = folder / "results" / store[0]["case"]
    with (results / "slices.csv").open() as stream:
        probabilities = [float(row["probability"]) for row in csv.DictReader(stream)]
    # nothing differs but the float16 of the store
    np.testing.assert_allclose(probabilities, evidence.logits.sigmoid().flatten().numpy(), atol=1e-5)
    written = nib.load(results / "attribution.nii.gz")
    np.testing.assert_allclose(written.get_fdata(), in_file(maps, written.affine), atol=1e-4)
    source = json.loads((results / "summary.json").read_text())["image"]
    if source.endswith((".nii", ".nii.gz")):
        np.testing.assert_allclose(written.affine, nib.load(source).affine)


def in_file(raster: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """(H,W,D) on the network's raster -> as the file of this affine has it; slice images are the raster."""
    axes = "".join(nib.aff2axcodes(affine))
    return raster if axes == "PLS" else ORIENTATIONS[axes][1](raster)
