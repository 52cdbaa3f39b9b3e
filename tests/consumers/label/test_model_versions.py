"""Weights and thresholds change together, also where a process is killed."""

import os
import shutil

import pytest

from bundle.consumers.label import model_versions
from bundle.consumers.label.model_versions import PLACES, adopt, is_held, model_in_use, publish, use, versions
from bundle.consumers.label.new_model import describe_versions
from bundle.files import write_json


@pytest.fixture
def root(tmp_path):
    """A bundle whose files say which model they belong to."""
    for place in ("models", "configs"):
        (tmp_path / "lgm_vit" / place).mkdir(parents=True)
    fill(tmp_path / "lgm_vit", "packed", without="input_profile.json")
    return tmp_path / "lgm_vit"


def fill(root, text, without=""):
    for name, place in PLACES.items():
        if name != without:
            (root / place / name).write_text(text)


def version(text):
    def write(folder, number):
        for name in PLACES:
            (folder / name).write_text(text)

    return write


def seen(root):
    """What a consumer reads by the packed names."""
    files = {name: root / place / name for name, place in PLACES.items()}
    return {name: file.read_text() for name, file in files.items() if file.exists()}


def test_a_new_version_is_seen_by_the_packed_names_and_old_ones_come_back(root):
    publish(root, version("first"))
    publish(root, version("second"))
    assert set(seen(root).values()) == {"second"}
    assert versions(root) == ["0000", "0001", "0002"]
    use(root, "0000")
    assert seen(root) == dict.fromkeys(["model.pt", "inference.json", "metadata.json"], "packed")
    assert model_in_use(root).name == "0000"
    publish(root, version("third"))
    assert versions(root)[-1] == "0003"
    assert set(seen(root).values()) == {"third"}


def killed_at(step, root, act):
    """Run `act` in a process that dies before the given change of the file system; return whether it did."""
    left = [step]

    def counted(change):
        def change_(*args, **kwargs):
            left[0] -= 1
            return os._exit(9) if left[0] < 0 else change(*args, **kwargs)

        return change_

    child = os.fork()
    if not child:
        for module, name in [(os, "replace"), (os, "rename"), (os, "symlink"), (os, "mkdir"), (shutil, "copyfile")]:
            setattr(module, name, counted(getattr(module, name)))
        act(root)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("earlier", [False, True])
def test_a_kill_at_any_step_leaves_one_model_whole(root, earlier):
    if earlier:
        publish(root, version("first"))
    before, step, died = set(seen(root).values()), 0, True
    while died:
        copy = shutil.copytree(root, root.with_name(f"copy_{step}"), symlinks=True)
        died = killed_at(step, copy, lambda root: publish(root, version("new")))
        assert set(seen(copy).values()) in (before, {"new"})
        publish(copy, version("again"))
        assert set(seen(copy).values()) == {"again"}
        step += 1
    assert step > 5


def test_files_that_somebody_put_there_become_a_version(root):
    publish(root, version("first"))
    file = root / "configs/inference.json"
    file.unlink()
    file.write_text("edited")
    adopt(root)
    assert file.is_symlink()
    assert seen(root)["inference.json"] == "edited"
    assert seen(root)["model.pt"] == "first"
    assert versions(root) == ["0000", "0001", "0002"]
    adopt(root)
    assert len(versions(root)) == 3


def test_the_folder_can_be_moved_and_copied(root):
    publish(root, version("first"))
    moved = root.with_name("moved")
    shutil.copytree(root, moved, symlinks=True)
    shutil.rmtree(root)
    assert set(seen(moved).values()) == {"first"}


def test_an_unknown_version_is_refused(root):
    publish(root, version("first"))
    with pytest.raises(ValueError, match="version must be one of 0000, 0001, got '7'"):
        use(root, "7")


def test_versions_are_told_with_their_scores(root):
    record = {"made": "today", "patients": {"train": 8, "val": 2}, "metric": "auroc", "new": 0.5, "in_use": 0.25}

    def write(folder, number):
        version("first")(folder, number)
        write_json(folder / "record.json", record)

    publish(root, write)
    assert list(describe_versions(root)) == [
        "0000: as it was packed or put there",
        "0001 in use: today, 8 patients trained; auroc of 2 others 0.5000, of the model before 0.2500",
    ]


def test_parts_of_a_killed_process_are_removed(root):
    parts = [root / "models/versions/.12345678.part-0001", root / "configs/.12345678.part-inference.json"]
    parts[0].mkdir(parents=True)
    parts[1].symlink_to("../models/current/inference.json")
    with model_versions.holding_models(root):
        assert not any(part.is_symlink() or part.exists() for part in parts)


def test_a_killed_process_lets_go(root):
    assert not is_held(root)
    with model_versions.holding_models(root):
        assert is_held(root)
    child = os.fork()
    if not child:
        with model_versions.holding_models(root):
            os._exit(9)
    os.waitpid(child, 0)
    assert not is_held(root)
