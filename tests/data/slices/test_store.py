"""The slice store: what goes in comes out, whoever is killed while it goes in."""

import gzip
import json
import multiprocessing
import os
import pickle
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.slices import ToySlices, toy_items

from bundle.data import SliceStore
from bundle.data.slices import ingestion, stored_case
from bundle.data.slices.case_reader import CaseReader
from bundle.data.slices.fingerprint import source_key
from bundle.data.slices.slice_dtype import SliceDtype
from bundle.files import folder_atomically, remove_stale_parts
from bundle.files.atomic_folder import STALE_SECONDS
from bundle.volumes import DataProblems, Problem

FORK = multiprocessing.get_context("fork")


def everything(store):
    return store.read(np.arange(len(store.labels)))


def folders(cache_dir):
    return sorted(path.name for path in Path(cache_dir).glob("*/*"))


@settings(max_examples=25, deadline=None)
@given(
    depth=st.integers(1, 7),
    size=st.integers(1, 9),
    dtype=st.sampled_from(["float16", "float32"]),
    cases=st.integers(1, 4),
    data=st.data(),
)
def test_round_trip(tmp_path_factory, depth, size, dtype, cases, data):
    toy = ToySlices(depth, channels=3, size=size)
    store = SliceStore(toy_items(cases), toy, tmp_path_factory.mktemp("cache"), dtype)
    asked = data.draw(st.lists(st.integers(0, depth * cases - 1), max_size=12))
    image, mask = store.read(np.array(asked, dtype=np.int64))
    assert image.dtype == getattr(torch, dtype)
    for place, index in enumerate(asked):
        volume, masks = toy.arrays(f"c{index // depth}")
        error = np.abs(image[place].float().numpy() - volume[index % depth]).max()
        assert error <= (5e-4 if dtype == "float16" else 0)
        assert np.array_equal(mask[place].numpy(), masks[index % depth])


def test_index(tmp_path):
    store = SliceStore(toy_items(2, masks=False)[:1] + toy_items(2)[1:], ToySlices(depth=3), tmp_path)
    assert store.labels.tolist() == [0, 1, 0] * 2
    assert store.slice_index.tolist() == [10, 11, 12] * 2
    assert store.case_of_slice.tolist() == [0, 0, 0, 1, 1, 1]
    assert store.supervised.tolist() == [False, True]
    assert store.slice_shape == (2, 6, 7)


def test_files(tmp_path):
    SliceStore(toy_items(1), ToySlices(depth=3, size=16), tmp_path)
    (case,) = tmp_path.glob("*/*")
    assert case.parent.name.endswith("-float16")
    assert case.name.startswith("c0-")
    image = np.load(case / "image.npy", allow_pickle=False)
    assert image.dtype == np.float16
    assert np.array_equal(image, ToySlices(depth=3, size=16).arrays("c0")[0].astype(np.float16))
    assert np.load(case / "mask.npy", allow_pickle=False).nbytes == 3 * 16 * 17 // 8  # one bit a pixel
    assert json.loads((case / "meta.json").read_text())["labels"] == [0, 1, 0]


def refuse(item):
    raise AssertionError("nothing is left to ingest")


def test_second_opening_ingests_and_writes_nothing(tmp_path):
    SliceStore(toy_items(2), ToySlices(), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    SliceStore(toy_items(2), ToySlices(), tmp_path, check=refuse)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    with pytest.raises(DataProblems, match="nothing is left"):
        SliceStore(toy_items(3), ToySlices(), tmp_path, check=refuse)


def test_a_changed_file_transform_or_type_is_ingested_anew(tmp_path):
    cache, data = tmp_path / "cache", tmp_path / "data"
    data.mkdir()
    items = toy_items(1, data)
    SliceStore(items, ToySlices(), cache)
    os.utime(items[0]["image"], ns=(1, 1))
    SliceStore(items, ToySlices(), cache)
    assert len(folders(cache)) == 2
    SliceStore(items, ToySlices(depth=4), cache)
    SliceStore(items, ToySlices(), cache, "float32")
    assert len(list(cache.iterdir())) == 3


def test_key_counts_files_but_not_names(tmp_path):
    (item,) = toy_items(1, tmp_path)
    key = source_key(item)
    assert source_key(item | {"patient": "other", "site": "other", "organ": None}) == key
    assert source_key(item | {"label": None}) != key
    assert source_key(item | {"image": [item["image"]]}) != key
    assert source_key(item | {"threshold": 3}) != key
    link = tmp_path / "link.nii"
    link.symlink_to(item["image"])
    assert source_key(item | {"image": str(link), "label": str(link)}) == key
    assert source_key(item | {"image": str(tmp_path)}) != source_key(item | {"image": str(tmp_path / "none")})
    Path(item["image"]).write_text("longer than before")
    assert source_key(item) != key


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".csv"])
@pytest.mark.parametrize("key", ["image", "label", "organ"])
def test_key_counts_a_file_corrected_in_place_with_its_old_size_and_time(tmp_path, suffix, key):
    """As unzip and rsync -t leave it."""
    file = tmp_path / f"a{suffix}"

    def write(seed):
        voxels = np.random.default_rng(seed).bytes(20000)
        file.write_bytes(gzip.compress(voxels, mtime=0) if suffix == ".nii.gz" else voxels)
        os.utime(file, ns=(1, 1))
        return source_key({"image": "none.nii", "case": "a", key: str(file)})

    assert write(1) == write(1) != write(2)


def test_key_counts_one_voxel_of_a_mask_but_of_a_large_one_only_a_sample(tmp_path, monkeypatch):
    file = tmp_path / "m.nii"
    item = {"image": "none.nii", "case": "a", "label": str(file)}

    def write(voxel):
        file.write_bytes(bytes(9001) + bytes([voxel]) + bytes(60000))
        os.utime(file, ns=(1, 1))
        return source_key(item)

    assert write(0) != write(1)
    monkeypatch.setattr("bundle.data.slices.fingerprint.READ_WHOLE_UP_TO", 1000)
    assert write(0) == write(1)


def test_key_does_not_count_the_part_of_a_split(tmp_path):
    (item,) = toy_items(1, tmp_path)
    assert source_key(item | {"part": "train", "fold": "1"}) == source_key(item)


@pytest.mark.parametrize("damage", ["missing", "short", "meta", "format", "list"])
def test_a_damaged_case_is_ingested_again(tmp_path, damage):
    items, toy = toy_items(2), ToySlices()
    expected = everything(SliceStore(items, toy, tmp_path))
    case = next(tmp_path.glob("*/c1-*"))
    meta = case / "meta.json"
    {
        "missing": lambda: (case / "mask.npy").unlink(),
        "short": lambda: (case / "image.npy").write_bytes((case / "image.npy").read_bytes()[:-1]),
        "meta": lambda: meta.write_text(meta.read_text()[:-9]),
        "format": lambda: meta.write_text(meta.read_text().replace('"format": 1', '"format": 0')),
        "list": lambda: meta.write_text("[]"),
    }[damage]()
    again = everything(SliceStore(items, toy, tmp_path))
    assert all(torch.equal(one, other) for one, other in zip(again, expected, strict=True))
    assert len(folders(tmp_path)) == 2


def ingest_and_die(items, cache_dir):
    pack, done = np.packbits, []

    def kill_at_third(masks, axis):
        done.append(len(masks))
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return pack(masks, axis=axis)

    np.packbits = kill_at_third  # in a process of its own
    SliceStore(items, ToySlices(), cache_dir)


def test_kill_while_writing_leaves_nothing_half_done(tmp_path):
    items, toy = toy_items(4), ToySlices()
    process = FORK.Process(target=ingest_and_die, args=(items, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (left,) = tmp_path.glob("*/.*.part-*")
    assert [path.name for path in left.iterdir()] == ["image.npy"]  # killed in the middle
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/c*")}
    assert len(finished) == 2
    image, _ = everything(SliceStore(items, toy, tmp_path))
    expected = np.concatenate([toy.arrays(item["case"])[0] for item in items])
    assert np.abs(image.float().numpy() - expected).max() <= 5e-4
    assert finished.items() <= {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/c*")}.items()
    assert left.exists()  # as young as one that is being written
    for path in (left, *left.iterdir()):
        os.utime(path, (0, time.time() - STALE_SECONDS - 60))
    SliceStore(toy_items(5), toy, tmp_path)
    assert not left.exists()


def test_leftovers_go_by_their_age_whoever_left_them(tmp_path):
    old, young = tmp_path / ".aaaaaaaa.part-c0", tmp_path / ".bbbbbbbb.part-c1"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, time.time() - STALE_SECONDS - 60))
    with folder_atomically(tmp_path / "case", replace=False) as busy:
        process = FORK.Process(target=leave_folder, args=(tmp_path / "x",))
        process.start()
        process.join()
        (left,) = tmp_path.glob(".*.part-x")
        assert len(list(tmp_path.iterdir())) == 4
        remove_stale_parts(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([young, left, busy])  # a dead process is no reason
        for path in (young, left):
            os.utime(path, (0, time.time() - STALE_SECONDS - 60))
        remove_stale_parts(tmp_path)
        assert list(tmp_path.iterdir()) == [busy]


def leave_folder(final):
    with folder_atomically(final, replace=False):
        os._exit(0)


def test_of_two_that_ingest_one_case_the_loser_discards_its_copy(tmp_path):
    final = tmp_path / "case"
    with folder_atomically(final, replace=False) as loser:
        (loser / "by").write_text("loser")
        with folder_atomically(final, replace=False) as winner:
            (winner / "by").write_text("winner")
    assert [path.name for path in tmp_path.iterdir()] == ["case"]
    assert (final / "by").read_text() == "winner"


def open_store(cache_dir, start):
    start.wait()
    SliceStore(toy_items(12), ToySlices(depth=20, size=32), cache_dir)


def test_two_processes_at_once(tmp_path):
    start = FORK.Event()
    processes = [FORK.Process(target=open_store, args=(tmp_path, start)) for _ in range(2)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(folders(tmp_path)) == 12
    assert not list(tmp_path.glob("*/.*.part-*"))
    image, _ = SliceStore(toy_items(12), ToySlices(depth=20, size=32), tmp_path).read(np.arange(20))
    assert np.abs(image.float().numpy() - ToySlices(depth=20, size=32).arrays("c0")[0]).max() <= 5e-4


def test_a_worker_process_makes_the_same_store(tmp_path):
    items, toy = toy_items(3), ToySlices(bad=("c1",))
    with pytest.raises(DataProblems, match=r"1 problem in 1 case(.|\n)*c1\.nii: broken on purpose"):
        SliceStore(items, toy, tmp_path / "together", num_workers=1)
    alone, together = (
        everything(SliceStore(items[::2], toy, tmp_path / name, check=check))
        for name, check in (("alone", None), ("together", refuse))
    )
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


class Deadly(ToySlices):
    def __call__(self, item):
        os._exit(1) if item["case"] == "c1" else super().__call__(item)


def test_a_worker_that_dies_is_no_riddle(tmp_path, monkeypatch):
    monkeypatch.setattr(ingestion, "get_context", lambda _: FORK)
    with pytest.raises(RuntimeError, match="lack of memory"):
        SliceStore(toy_items(2), Deadly(), tmp_path, num_workers=2)


def test_a_worker_that_cannot_write_ends_the_pool(tmp_path, monkeypatch):
    monkeypatch.setattr(ingestion, "get_context", lambda _: FORK)
    (tmp_path / "file").write_text("")
    work = {tmp_path / "file" / item["case"]: item for item in toy_items(3)}
    with pytest.raises(OSError, match="set cache_dir"):
        ingestion.Ingestion(ToySlices(), SliceDtype.named("float16"), None).run(work, num_workers=2)


def test_all_bad_cases_are_named_and_good_ones_kept(tmp_path):
    items, toy = toy_items(5), ToySlices(bad=("c1", "c3"))
    with pytest.raises(DataProblems, match="2 problems in 2 cases") as caught:
        SliceStore(items, toy, tmp_path)
    assert all(f"none/{name}.nii: broken on purpose" in str(caught.value) for name in ("c1", "c3"))
    assert [name.split("-")[0] for name in folders(tmp_path)] == ["c0", "c2", "c4"]


class Wrapped(ToySlices):
    """Fails as MONAI's transforms do: by an error around the one that says why."""

    def __call__(self, item):
        try:
            raise OSError("damaged") if item["case"] == "c0" else ValueError("m.nii must be whole, got half: copy it.")
        except (OSError, ValueError) as error:
            raise RuntimeError(f"applying transform {self!r}") from error


def test_the_reason_is_told_and_not_the_transform(tmp_path):
    with pytest.raises(DataProblems) as caught:
        SliceStore(toy_items(2), Wrapped(), tmp_path)
    assert "applying transform" not in str(caught.value)
    assert "OSError: damaged" in str(caught.value)
    assert "got m.nii must be whole, got half: copy it." in str(caught.value)


def check(item):
    severity = {"c0": "error", "c1": "warning"}.get(item["case"])
    return None, [Problem("a.nii", "x", "y", "do z", severity, item["case"])] if severity else []


def test_checks_refuse_and_warn(tmp_path, caplog):
    with pytest.raises(DataProblems, match=r"error: case c0: a\.nii must x, got y: do z\."):
        SliceStore(toy_items(3), ToySlices(bad=("c0",)), tmp_path, check=check)
    assert "warning: case c1: a.nii must x" in caplog.text
    assert len(folders(tmp_path)) == 2


@pytest.mark.parametrize(
    ("slices", "message"),
    [
        ([], "at least one slice"),
        ([(1, 2, 2), (1, 3, 2)], r"one shape .*\(1, 2, 2\).*\(1, 3, 2\)"),
        ([(2, 2)], r"one shape .*\(\(2, 2\), \(1, 2, 2\)\)"),
    ],
)
def test_unfit_slices(tmp_path, slices, message):
    entries = [
        {"image": torch.ones(shape), "label": torch.ones(1), "mask": torch.ones(1, *shape[-2:]), "slice_index": 0}
        for shape in slices
    ]
    with pytest.raises(ValueError, match=message):
        stored_case.StoredCase.write(tmp_path, entries, SliceDtype.named("float16"))


def test_cases_of_different_shape_are_named(tmp_path):
    class Growing(ToySlices):
        def __call__(self, item):
            return ToySlices(size=6 + int(item["case"][1:]))(item)

    Growing.__qualname__ = "Growing"
    with pytest.raises(ValueError, match=r"one shape, got .*\(2, 6, 7\) for case 'c0' and \(2, 7, 8\) for 'c1'"):
        SliceStore(toy_items(2), Growing(), tmp_path)


def test_cache_dir_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/.*: set cache_dir to another one"):
        SliceStore(toy_items(1), ToySlices(), tmp_path / "file" / "cache")


def test_full_disk_is_an_error_of_its_own(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored_case.np, "save", full)
    with pytest.raises(OSError, match="No space left on device: set cache_dir"):
        SliceStore(toy_items(1), ToySlices(), tmp_path)
    assert not folders(tmp_path)


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("float16", [2.001], 'dtype "float32"'),
        ("float16", [1e6], "float16"),
        ("float16", [float("nan")], "float16"),
        ("float32", [float("inf")], "NaN and infinite"),
        ("uint8", [0.5], 'dtype "float16" or "float32"'),
        ("uint8", [256 / 255], "uint8"),
    ],
)
def test_types_refuse_what_they_would_lose(name, image, message):
    with pytest.raises(ValueError, match=message):
        SliceDtype.named(name).encode(torch.tensor([0.0, *image]))


def test_uint8_is_lossless_and_unknown_types_are_refused():
    dtype, image = SliceDtype.named("uint8"), torch.arange(256) / 255
    assert torch.equal(dtype.encode(image), torch.arange(256, dtype=torch.uint8))
    assert torch.equal(dtype.decode(dtype.encode(image)), image)
    with pytest.raises(ValueError, match=r"\['float16', 'float32', 'uint8'\], got 'bfloat16'"):
        SliceDtype.named("bfloat16")


def test_open_maps_are_bounded_and_stay_with_their_process(tmp_path):
    store = SliceStore(toy_items(6), ToySlices(), tmp_path)
    store._reader = CaseReader(max_open=2)
    everything(store)
    assert [folder.name[:2] for folder in store._reader._open] == ["c4", "c5"]
    everything(store)
    copy = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own bytes
    assert len(pickle.dumps(store)) < 5_000
    assert not copy._reader._open
    assert torch.equal(everything(copy)[0], everything(store)[0])


def test_a_store_that_vanishes_says_so(tmp_path):
    store = SliceStore(toy_items(1), ToySlices(), tmp_path)
    next(tmp_path.glob("*/*/image.npy")).unlink()
    with pytest.raises(OSError, match="changed while in use"):
        everything(store)


@pytest.mark.parametrize(("header", "voxels"), [("m.hdr", "m.img"), ("m.mhd", "m.raw")])
def test_corrected_voxels_beside_an_unchanged_header_are_seen(tmp_path, header, voxels):
    for name in (header, voxels):
        (tmp_path / name).write_bytes(bytes(100))
    item = {"image": "a.nii", "case": "a", "label": str(tmp_path / header)}
    before = source_key(item)
    (tmp_path / voxels).write_bytes(b"1" * 100)
    assert source_key(item) != before
