"""Training's slice store and inference's volumes are two ways to one probability."""

import csv
import json
import shutil

import nibabel
import numpy as np
import pytest
from support.bundle import DEMO, TINY, evaluate, infer, train


@pytest.fixture(scope="module")
def data(phantoms, tmp_path_factory):
    """Phantoms of all four sites, one of which has a slice without a signal; the split tests seven of them."""
    folder = tmp_path_factory.mktemp("agreement") / "phantoms"
    shutil.copytree(phantoms, folder)
    for channel in ("t1", "t2", "flair"):
        file = folder / "phantom_001" / f"phantom_001_{channel}.nii.gz"
        image = nibabel.load(file)
        volume = np.asarray(image.dataobj).copy()
        volume[:, :, 2] = 0
        nibabel.save(nibabel.Nifti1Image(volume, image.affine, image.header), file)
    names = sorted(path.name for path in folder.glob("phantom_*"))
    parts = {"train": names[5:6], "val": [names[6], names[9]], "test": [*names[:5], *names[7:9]]}
    (folder.parent / "split.json").write_text(json.dumps(parts))
    return folder


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_inference_and_evaluation_agree_on_every_slice(data, tmp_path):
    settings = {"store_dtype": "float32", "split_file": data.parent / "split.json", "learning_rate": 3e-3}
    run = train(data, tmp_path / "run", **settings)
    metrics = evaluate(data, run, **settings, batch_size=7)
    results = infer(data, run / "model.pt", tmp_path / "results", DEMO, TINY, batch_size=4)
    require_agreement(run, results, metrics)

    metrics = evaluate(data, run, **settings, slice_smoothing=0.8, slice_position=0.5)
    used = {"slice_smoothing": 0.8, "slice_position": metrics["slice_position"]}
    assert {"bias", "position"} == used["slice_position"].keys()
    results = infer(data, run / "model.pt", tmp_path / "joined", DEMO, TINY, **used)
    require_agreement(run, results, metrics)


def test_they_agree_on_slices_with_neighbors_a_distance_away(data, tmp_path):
    settings = {"split_file": data.parent / "split.json", "learning_rate": 3e-3, "neighbor_mm": 7.0}
    run = train(data, tmp_path / "run", **settings)
    metrics = evaluate(data, run, **settings, batch_size=7)
    results = infer(data, run / "model.pt", tmp_path / "results", DEMO, TINY, batch_size=4, neighbor_mm=7.0)
    # the store keeps float16; the blank slice has neighbors that show something
    require_agreement(run, results, metrics, tolerance=2e-4, blanks=0)


def require_agreement(run, results, metrics, tolerance=1e-6, blanks=1):
    evaluated = rows(run / "predictions.csv")
    assert {"case", "slice", "label", "probability"} <= evaluated[0].keys()
    assert len(evaluated) == metrics["n"]["slices"] == 7 * 6
    inferred = {
        (folder.name, row["slice"]): float(row["probability"])
        for folder in results.iterdir()
        for row in rows(folder / "slices.csv")
    }
    ours = [inferred[row["case"], row["slice"]] for row in evaluated]
    theirs = [float(row["probability"]) for row in evaluated]
    assert ours == pytest.approx(theirs, abs=tolerance, rel=0)
    assert np.ptp(ours) > 1e-3  # slices differ, so that agreement says something
    blank = [row["slice"] for row in rows(results / "phantom_001" / "slices.csv") if row["blank"] == "True"]
    assert len(blank) == blanks
