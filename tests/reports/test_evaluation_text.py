"""What an evaluation prints: every number beside the baseline that looks at no pixel."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bundle.evaluation import evaluate_predictions
from bundle.metrics import Predictions
from bundle.reports import evaluation_summary


def some(quality, *, patients=12, map_level=0.75, prior_level=0.25, seed=0):
    """Slices whose label goes with the position, and probabilities that follow the label the better, the higher the
    quality."""
    draw = np.random.default_rng(seed)
    patient = np.repeat([f"p{k}" for k in range(patients)], 8)
    index = np.tile(np.arange(8), patients)
    label = (np.abs(index - 3.5) < 2).astype(int)
    label[::7] = 1 - label[::7]
    probability = quality * label + (1 - quality) * draw.random(len(label))
    noise = np.where(label > 0, draw.random(len(label)) * 0.1, np.nan)
    maps = {name: level + noise for name, level in (("map", map_level), ("prior", prior_level))}
    return Predictions(
        patient,
        patient,
        patient,
        index,
        label,
        probability,
        {"pointing_game": maps["map"]},
        {"pointing_game": maps["prior"]},
    )


def said(test, validation=None, **options):
    train = some(1, seed=3)
    return evaluation_summary(
        evaluate_predictions(
            test, validation, train_position=train.position, train_label=train.label, n_resamples=200, **options
        )
    )


def test_every_score_stands_beside_its_baseline():
    lines = said(some(0.9), some(0.9, seed=1))
    assert lines[0] == "Test: 96 slices (48 positive) of 12 volumes, 12 patients."
    assert "chosen on validation slices" in lines[1]
    names = ["slices", "model", "position alone", "maps", "model", "map of the center", "volumes", "highest slice"]
    assert [line[:18].rstrip() for line in lines[2:10]] == names
    assert [len(line) for line in lines[2:10]] == [106] * 3 + [84] * 3 + [106] * 2, "aligned; maps have a score less"
    assert all(line.isascii() and len(line) < 120 for line in lines)
    assert lines[3].count("[") == lines[4].count("[") == 4, "with intervals"
    assert len(lines) <= 15


def test_missed_patients_are_counted_beside_position():
    """Twelve positive patients, of whom the model calls two slices of one only."""
    test = some(0.9)
    quiet = replace(test, probability=np.where(test.patient == "p3", test.probability, 0.1))
    line, same = (line for line in said(quiet, threshold=0.5) if line.startswith(("Patients missed", "The same at")))
    assert line.startswith("Patients missed whole: 11 of 12, 0.917 [")
    assert "; position alone 0 of 12, 0.000 [0.000, 0.000]." in line
    assert re.fullmatch(r"The same at a specificity of 90%: \d+; position alone \d+\.", same)


@pytest.mark.parametrize(
    ("quality", "patients", "expected"),
    [
        (1.0, 12, "is clearly worse"),
        (1.0, 3, "is not clearly worse"),  # too few patients for a clear difference
        (0.05, 12, "is BETTER than the model in F1 (by 0."),
    ],
)
def test_the_sentence_about_position_follows_the_difference(quality, patients, expected):
    lines = [line for line in said(some(quality, patients=patients)) if line.startswith("Slice position alone")]
    assert expected in lines[0]


@pytest.mark.parametrize(
    ("prior", "expected"), [(0.25, "is clearly worse"), (0.9, "is BETTER than the model in hits lesion")]
)
def test_the_sentence_about_the_center(prior, expected):
    (line,) = [line for line in said(some(1, prior_level=prior)) if line.startswith("A map of the center")]
    assert expected in line


@pytest.mark.parametrize(
    ("options", "words"), [({}, "0.5, because validation slices leave"), ({"threshold": 0.3}, "0.3, as given")]
)
def test_the_origin_of_the_threshold(options, words):
    assert words in said(some(0.5), **options)[1]
