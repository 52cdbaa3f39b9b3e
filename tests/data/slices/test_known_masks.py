"""Masks that a teacher drew stand in for those that are missing, in training alone."""

import numpy as np
import pytest
import torch
from support.slices import ToySlices, toy_items

from bundle.data import SliceDataLoader, SliceDataset, label_warnings

DRAWN = torch.zeros(1, 6, 7, dtype=torch.uint8)
DRAWN[0, 2:4, 3:5] = 1


class Teacher:
    """Draws a square on every slice that it is shown, and remembers these."""

    def __init__(self, drawn=DRAWN):
        self.drawn, self.seen = drawn, []

    def __call__(self, images):
        self.seen += list(images)
        return self.drawn.expand(len(images), -1, -1, -1)


class PartlyLabeled(ToySlices):
    """The last slice of c1 has no label, and no slice of c2."""

    def __call__(self, item):
        slices = super().__call__(item)
        for slice_ in {"c1": slices[-1:], "c2": slices}.get(item["case"], ()):
            slice_["label"] = torch.tensor([-1.0])
        return slices


def taught(tmp_path, teacher, transform=None, items=None, **arguments):
    return SliceDataset(items or toy_items(3), transform or ToySlices(), tmp_path, teacher=teacher, **arguments)


def test_positive_slices_of_cases_that_do_not_supervise_get_the_masks_of_the_teacher(tmp_path):
    teacher = Teacher()
    dataset = taught(tmp_path, teacher, supervised_cases=["c0"])
    assert dataset.supervised.tolist() == [True, True, True]
    batch = dataset.__getitems__(list(range(15))[::-1])
    own = torch.from_numpy(np.concatenate([ToySlices().arrays(f"c{number}")[1] for number in range(3)]))
    is_taught = (batch["case_index"] > 0) & (batch["label"][:, 0] > 0)
    assert is_taught.sum() == 4
    assert torch.equal(batch["mask"][is_taught], DRAWN.expand(4, -1, -1, -1))
    assert torch.equal(batch["mask"][~is_taught], own.flip(0)[~is_taught])
    assert batch["supervised"].tolist() == [1.0] * 15
    shown = [ToySlices().arrays(case)[0][slice_] for case in ("c1", "c2") for slice_ in (1, 3)]
    np.testing.assert_allclose(torch.stack(teacher.seen), shown, atol=5e-4)
    assert dataset.masks.counts == {"cases": 2, "positive": 4, "found": 4}


def test_a_case_without_labels_is_not_taught(tmp_path):
    teacher = Teacher()
    dataset = taught(tmp_path, teacher, PartlyLabeled(), toy_items(3, masks=False))
    assert dataset.supervised.tolist() == [True, True, False]
    dataset.masks.draw()
    assert len(teacher.seen) == 4
    assert dataset.__getitems__([14])["supervised"].tolist() == [0.0]


def test_what_a_teacher_does_not_find_stays_empty(tmp_path):
    dataset = taught(tmp_path, Teacher(torch.zeros_like(DRAWN)), supervised_cases=["c0"])
    assert not dataset.__getitems__([6])["mask"].any()
    assert dataset.masks.counts == {"cases": 2, "positive": 4, "found": 0}
    assert "the teacher finds nothing in the slices without a mask" in "".join(label_warnings(dataset, dataset))


def test_a_teacher_draws_once_before_loading_processes_start_and_never_without_a_loader(tmp_path):
    teacher = Teacher()
    dataset = taught(tmp_path, teacher, supervised_cases=["c0"], supervised_only=True)
    assert len(dataset.labels) == 15
    assert not teacher.seen
    loader = SliceDataLoader(dataset, "shuffle", batch_size=4, num_workers=1)
    assert len(teacher.seen) == 4
    batches = list(loader)
    assert sum(len(batch["image"]) for batch in batches) == 15, "all cases supervise"
    assert len(teacher.seen) == 4
    drawn = sum(int((mask == DRAWN).all()) for batch in batches for mask in batch["mask"])
    assert drawn == 4


def test_masks_of_a_teacher_move_with_the_slice(tmp_path):
    dataset = taught(tmp_path, Teacher(), supervised_cases=["c0"], augmentation=upside_down)
    assert torch.equal(dataset.__getitems__([6])["mask"][0], DRAWN.flip(-2))


def upside_down(slice_):
    return {**slice_, "image": slice_["image"].flip(-2), "mask": slice_["mask"].flip(-2)}


@pytest.mark.parametrize("supervised_cases", ["all", 3])
def test_nobody_is_taught_where_all_masks_supervise(supervised_cases, tmp_path):
    teacher = Teacher()
    dataset = taught(tmp_path, teacher, supervised_cases=supervised_cases)
    SliceDataLoader(dataset)
    assert not teacher.seen
    assert torch.equal(dataset.__getitems__([6])["mask"], taught(tmp_path, None).__getitems__([6])["mask"])
