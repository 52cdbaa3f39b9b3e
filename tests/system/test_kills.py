"""Whatever is there after a kill is whole; the next run takes it as it is and does the rest."""

import os

import pytest
from support.bundle import DEMO, NETWORK, TINY, TRAINING, ended, infer, overlay, start, train

FILES = ["attribution.nii.gz", "overlay.png", "slices.csv", "summary.json"]


def stored(cache):
    """Return bytes of every file of every case in the one store of a cache, and their times."""
    (store,) = cache.iterdir()
    files = sorted(path for path in store.rglob("*") if path.is_file())
    return {path.relative_to(store).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def content(cache):
    return {name: data for name, (data, _) in stored(cache).items()}


@pytest.fixture(scope="module")
def whole(phantoms, tmp_path_factory):
    """The store of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    train(phantoms, folder / "run", cache_dir=folder / "cache", max_epochs=1)
    return content(folder / "cache")


def test_cases_survive_a_kill_during_ingestion(phantoms, whole, tmp_path):
    cache = tmp_path / "cache"
    killer = overlay(tmp_path, check={"_target_": "support.probes.KillInCall", "function": "numpy.save", "call": 4})
    settings = {**TRAINING, "dataset_dir": phantoms, "output_dir": tmp_path / "run", "max_epochs": 1}
    killed = start("train.json", DEMO, TINY, killer, cache_dir=cache, **settings)

    assert ended(killed)[0] == -9
    before = stored(cache)
    finished = {name: entry for name, entry in before.items() if not name.startswith(".")}
    assert len(finished) == 3 * 3  # three cases with three files each
    assert len(finished) < len(before)  # and a part of the fourth
    for left in cache.glob("*/.*.part-*"):  # an hour later
        for path in [*left.iterdir(), left]:
            os.utime(path, (0, 0))

    train(phantoms, tmp_path / "run", cache_dir=cache, max_epochs=1)

    after = stored(cache)
    assert {name: after[name] for name in finished} == finished
    assert content(cache) == whole


def test_two_processes_ingest_into_one_store(phantoms, whole, tmp_path):
    cache = tmp_path / "cache"
    meeting = overlay(tmp_path, check={"_target_": "support.probes.MeetFirst", "folder": str(tmp_path), "processes": 2})
    settings = {**TRAINING, "dataset_dir": phantoms, "cache_dir": cache, "max_epochs": 1}
    files = ["train.json", DEMO, TINY, meeting]
    rivals = [start(*files, output_dir=tmp_path / name, **settings) for name in ("one", "two")]

    for status, printed in [ended(rival) for rival in rivals]:
        assert status == 0, printed
    assert content(cache) == whole


def test_results_survive_a_kill_during_inference(phantoms, trained, tmp_path):
    output, model = tmp_path / "results", trained / "model.pt"
    probe = {"_target_": "support.probes.KillInCall", "function": "nibabel.save", "call": 3}
    settings = {**NETWORK, "dataset_dir": phantoms, "output_dir": output, "checkpoint": model}
    killed = start("inference.json", DEMO, TINY, overlay(tmp_path, **{"+handlers": [probe]}), **settings)

    assert ended(killed)[0] == -9
    times = {path: path.stat().st_mtime_ns for path in sorted(output.glob("[!.]*/*"))}
    assert [path.name for path in times] == FILES * 2
    assert list(output.glob(".*.part-*"))  # the third case, half done

    infer(phantoms, model, output, DEMO, TINY, resume=True)

    cases = sorted(path for path in output.iterdir() if not path.name.startswith("."))
    assert [path.name for path in cases] == [f"phantom_{number:03d}" for number in range(10)]
    assert all(sorted(file.name for file in case.iterdir()) == FILES for case in cases)
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_without_resume_inference_does_a_case_again(phantoms, trained, tmp_path):
    folder = phantoms / "phantom_000"
    channels = [str(folder / f"{folder.name}_{channel}.nii.gz") for channel in ("t1", "t2", "flair")]
    source, model = [{"image": channels, "case": "one"}], trained / "model.pt"
    slices = infer(source, model, tmp_path) / "one" / "slices.csv"
    before = slices.stat().st_mtime_ns

    infer(source, model, tmp_path, resume=True)
    assert slices.stat().st_mtime_ns == before

    infer(source, model, tmp_path)
    assert slices.stat().st_mtime_ns > before
