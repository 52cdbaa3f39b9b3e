"""Active learning on the running server: scores, next sample, labels, new weights."""

import pytest
from support.label_bundle import write_bundle, write_group, write_volume, write_weights
from support.label_server import finished, label_server

pytest.importorskip("monailabel", reason="needs MONAI Label: make test-label")
import requests

from bundle.clinic import StudyNetwork
from bundle.consumers.label.uncertainty import KEY, image_scores


def scores_in(address):
    """Wait until the server has scored, which it begins by itself; return image -> noted scores."""
    finished(address, "scoring", seconds=900)
    requests.post(f"{address}/scoring/uncertainty", params={"run_sync": True}, timeout=300)  # refused if it is at it
    finished(address, "scoring", seconds=900)
    images = requests.get(f"{address}/datastore/", params={"output": "all"}, timeout=60).json()["objects"]
    return {name: image["image"]["info"].get(KEY) for name, image in images.items()}


def next_sample(address, strategy="uncertain"):
    return requests.post(f"{address}/activelearning/{strategy}", json={}, timeout=60).json()


def test_the_least_certain_comes_next_until_it_is_labeled_or_the_model_is_another(tmp_path):
    bundle, studies = write_bundle(tmp_path / "lgm_vit"), tmp_path / "studies"
    for case in ("case_a", "case_b"):
        write_group(studies / case, case)
    write_volume(studies / "case_b/case_b_t1.nii.gz", seed=7)
    write_volume(studies / "lacking_t1.nii.gz")
    network = StudyNetwork(bundle, "cpu")
    wanted = {
        case: image_scores(network.infer([studies / case / f"{case}_{name}.nii.gz" for name in ("t1", "flair")], case))
        for case in ("case_a", "case_b")
    }
    first, second = sorted(wanted, key=lambda case: -wanted[case]["uncertainty"])
    with label_server(bundle, studies, tmp_path) as (address, _):
        noted = scores_in(address)
        assert noted == {
            case: {**scores, "weights_sha256": network.model.weights_sha256} for case, scores in wanted.items()
        } | {"lacking": None}
        assert next_sample(address)["id"] == first
        assert next_sample(address)["id"] == second  # the other one was given just now
        assert next_sample(address, "disagreement")["id"] in wanted
        with (studies / "case_a/case_a_seg.nii.gz").open("rb") as mask:
            query, form = {"image": first, "tag": "final"}, {"label": ("mask.nii.gz", mask)}
            requests.put(f"{address}/datastore/label", params=query, files=form, timeout=60).raise_for_status()
        assert next_sample(address)["id"] == second
        finished(address, "scoring", seconds=900)
        write_weights(bundle, 1)
        assert next_sample(address)["scored"] is False
        noted = scores_in(address)
        assert noted[first]["weights_sha256"] == network.model.weights_sha256  # labeled: nobody asks
        assert noted[second]["weights_sha256"] == StudyNetwork(bundle, "cpu").model.weights_sha256
