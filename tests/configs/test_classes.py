"""Several classes: masks and CSV files name them, training learns them, and a class beyond is refused."""

import pytest
from support.bundle import tiny_bundle
from support.datasets import COUNT, datalist, demo

from bundle.volumes import DataProblems


def classes_of(parser):
    store = parser.get_parsed_content("train#dataset")
    return [store[index]["label"].item() for index in range(len(store))]


def test_classes_of_masks_train_and_are_told_in_inference(tmp_path):
    demo(tmp_path / "data")
    training = tiny_bundle("train", ["datasets/demo", "methods/lgmvit"], tmp_path, num_classes=3)
    training.get_parsed_content("train#trainer").run()
    assert classes_of(training)[:4] == [0, 1, 2, 1]  # the highest in a slice: organ, lesion, organ
    inference = tiny_bundle("inference", ["datasets/demo", "methods/lgmvit"], tmp_path, num_classes=3)
    inference.get_parsed_content("evaluator").run()
    header = (tmp_path / "results/case0/slices.csv").read_text().splitlines()[0]
    assert "probability_0,probability_1,probability_2" in header


def with_class_two(folder):
    datalist(folder / "data")
    for number in range(COUNT):
        (folder / f"data/scan{number}.csv").write_text("slice_index,class\n0,2\n1,0\n3,1\n")
    return {"split_fractions": [1.0, 0.0, 0.0]}


def test_classes_of_csv_files_follow_the_slices_of_a_file_that_runs_downwards(tmp_path):
    knobs = with_class_two(tmp_path)
    assert classes_of(tiny_bundle("train", ["datasets/datalist"], tmp_path, num_classes=3, **knobs))[:4] == [
        1,
        -1,
        0,
        2,
    ]


def test_a_class_beyond_num_classes_is_refused_with_file_and_line(tmp_path):
    knobs = with_class_two(tmp_path)
    parser = tiny_bundle("train", ["datasets/datalist"], tmp_path, num_classes=2, **knobs)
    with pytest.raises(RuntimeError) as refusal:
        parser.get_parsed_content("train#dataset")
    assert isinstance(refusal.value.__cause__, DataProblems)
    assert ".csv, line 2, must have a class from 0 to 1, got 2" in str(refusal.value.__cause__)
