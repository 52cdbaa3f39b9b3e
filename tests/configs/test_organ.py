"""The lesion task of LiTS17 and its three options, on scans whose organ and lesion are known voxel by voxel."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest
import torch
from support.bundle import tiny_bundle
from support.datasets import DEPTH, lits17, save, tiny_case

LESION, MASK, SLICES, SQUARE = "datasets/lits17_lesion", "organ/mask", "organ/slices", "organ/square"
ORGAN_BOX = (slice(4, 12), slice(1, 9))  # columns 2..7 grown to the 8 rows
WHOLE = (slice(0, 16), slice(0, 16))


@pytest.mark.parametrize(
    ("options", "hidden", "slices", "box"),
    [
        ([], False, slice(0, 4), WHOLE),
        ([MASK], True, slice(0, 4), WHOLE),
        ([SLICES], False, slice(1, 4), WHOLE),
        ([SQUARE], False, slice(0, 4), ORGAN_BOX),
        ([MASK, SLICES, SQUARE], True, slice(1, 4), ORGAN_BOX),
        ([SQUARE, SLICES], False, slice(1, 4), ORGAN_BOX),
    ],
)
def test_labels_masks_and_pixels_are_known(options, hidden, slices, box, tmp_path):
    cases = lits17(tmp_path / "data")
    knobs = {"split_fractions": [1.0, 0.0, 0.0], "image_size": box[0].stop - box[0].start, "normalize": "none"}
    parser = tiny_bundle("train", [LESION, *options], tmp_path, store_dtype="float32", **knobs)
    store = parser.get_parsed_content("train#dataset")
    depth = slices.stop - slices.start
    assert len(store) == 5 * depth
    for place, name in enumerate(store.cases):
        image, mask = cases[name].image[0], cases[name].mask
        shown = np.where(mask > 0, image, image.min()) if hidden else image
        batch = store.__getitems__(range(place * depth, (place + 1) * depth))
        expected = np.moveaxis(shown[(*box, slices)], -1, 0)
        for channel in range(3):
            assert np.array_equal(batch["image"][:, channel].numpy(), expected)
        assert np.array_equal(batch["mask"][:, 0].numpy(), np.moveaxis(mask[(*box, slices)] == 2, -1, 0))
        assert batch["label"].flatten().tolist() == [0, 0, 1, 0][slices]


def trained(folder, options):
    """Train for an epoch; return the inference with the same options."""
    tiny_bundle("train", [LESION, *options], folder).get_parsed_content("train#trainer").run()
    return tiny_bundle("inference", [LESION, *options], folder)


def test_maps_of_inference_return_to_the_whole_scan(tmp_path):
    cases = lits17(tmp_path / "data")
    inference = trained(tmp_path, [MASK, SLICES, SQUARE])
    inference.get_parsed_content("evaluator").run()
    assert inference.get_parsed_content("dataset").failures == {}
    for number, name in enumerate(sorted(cases)):
        results = tmp_path / "results" / name
        written = nib.load(results / "attribution.nii.gz")
        scan = nib.load(tmp_path / f"data/scans/volume-{number}.nii")
        np.testing.assert_allclose(written.affine, scan.affine)
        raster = written.get_fdata().swapaxes(0, 1)
        raster = raster[::-1, ::-1] if scan.affine[0, 0] > 0 else raster
        box = np.zeros((16, 16, DEPTH), bool)
        box[(*ORGAN_BOX, slice(1, 4))] = True
        assert np.array_equal(raster != 0, box)
        with (results / "slices.csv").open() as stream:
            assert [row["source_slice"] for row in csv.DictReader(stream)] == ["1", "2", "3"]


def test_a_scan_without_organ_mask_is_refused_by_name_and_the_others_have_results(tmp_path):
    lits17(tmp_path / "data")
    inference = trained(tmp_path, [MASK])
    (tmp_path / "data/segmentations/segmentation-3.nii").unlink()
    inference.get_parsed_content("evaluator").run()
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [f"volume-{n}" for n in (0, 1, 2, 4)]
    with pytest.raises(RuntimeError, match=r"got 1 without:\n  volume-3: .*segmentation-3.nii must be the file"):
        inference.get_parsed_content("dataset").finish()


@pytest.mark.parametrize("options", [[], [MASK]])
def test_a_file_alone_serves_without_organ_options_only(options, tmp_path):
    lits17(tmp_path / "data")
    inference = trained(tmp_path, options)
    inference["dataset_dir"] = str(tmp_path / "data/scans/volume-1.nii")
    inference.get_parsed_content("evaluator").run()
    failures = inference.get_parsed_content("dataset").failures
    assert (tmp_path / "results/volume-1/summary.json").exists() != bool(options)
    assert ["add the path of an organ mask as 'organ'" in text for text in failures.values()] == [True] * len(options)


def test_a_folder_of_unlabelled_scans_serves_when_the_finder_looks_for_no_organ(tmp_path):
    lits17(tmp_path / "data")
    inference = trained(tmp_path, [])
    for file in (tmp_path / "data/segmentations").iterdir():
        file.unlink()
    inference["finder#organs"] = None
    inference.get_parsed_content("evaluator").run()
    assert len(list((tmp_path / "results").iterdir())) == 5


def test_a_datalist_names_the_organ_of_any_other_data(tmp_path):
    """Unlabelled scans with an organ mask, one file per channel."""
    case = tiny_case(seed=7, channels=3)
    files = [f"c{channel}.nii.gz" for channel in range(3)]
    for file, voxels in zip(files, case.image, strict=True):
        save(tmp_path / "data" / file, voxels, "RAS")
    save(tmp_path / "data/liver.nii.gz", case.mask, "RAS")
    entry = {"image": files, "organ": "liver.nii.gz", "case": "x", "patient": "x"}
    (tmp_path / "data/datalist.json").write_text(json.dumps([entry]))
    parser = tiny_bundle("inference", ["datasets/datalist", MASK, SQUARE], tmp_path)
    [item] = parser.get_parsed_content("dataset")
    hidden = np.where(case.mask > 0, case.image, case.image.min(axis=(1, 2, 3), keepdims=True))
    assert torch.equal(
        item["image"].as_tensor(), torch.as_tensor(hidden[(slice(None), *ORGAN_BOX)], dtype=torch.float32)
    )
