"""A scan that is unlike the training data is told so, by what of it is."""

import json

import numpy as np
import pytest
import torch

from bundle.data import SliceStore, input_facts, input_profile, input_warnings, stored_facts
from bundle.data.slices.input_profile import PERCENTILES, InputFacts

NAMES = ("T1", "T2", "FLAIR")
CURVES = np.array([[0, 0.1, 0.2, 0.3, 0.9], [0, 0.4, 0.5, 0.6, 0.9], [0, 0.7, 0.8, 0.85, 0.95]])
"""Percentiles of three channels that cannot be taken for each other."""


def ramps(item):
    pixels = torch.arange(16.0).reshape(1, 4, 4) * (1 if item["case"] == "a" else 3)
    rest = {"label": torch.zeros(1), "mask": torch.zeros(1, 4, 4)}
    return [{"image": pixels, **rest, "slice_index": index} for index in range(20)]


def scaled(item):
    return [{**each, "image": each["image"] / 255} for each in ramps(item)]


def facts(spacing=(1.0, 1.0, 3.0), field=(220.0, 240.0, 150.0), intensity=CURVES):
    return InputFacts(np.array(spacing), np.array(field), np.array(intensity))


@pytest.fixture
def profile():
    scans = [facts(), facts((0.8, 0.8, 5.0), (200.0, 200.0, 140.0), CURVES + 0.02)]
    return json.loads(json.dumps(input_profile(scans)))  # as it comes from its file


def test_a_scan_like_those_of_the_training_has_no_warning(profile):
    assert input_warnings(profile, facts((0.9, 1.0, 4.0), (210.0, 210.0, 145.0), CURVES + 0.01), NAMES) == []


@pytest.mark.parametrize(("millimeters", "is_warned"), [(0.65, False), (0.63, True), (1.24, False), (1.26, True)])
def test_a_spacing_is_warned_of_from_a_quarter_beyond_the_training_scans(profile, millimeters, is_warned):
    found = input_warnings(profile, facts((millimeters, 1.0, 3.0)), NAMES)
    expected = f"The voxels are {millimeters:.3g} mm apart from right to left; in the training scans 0.8 to 1 mm."
    assert found == [expected] * is_warned


def test_a_scan_of_half_the_head_is_told_so(profile):
    assert input_warnings(profile, facts(field=(220.0, 240.0, 70.0)), NAMES) == [
        "The field of view is 70 mm from feet to head; in the training scans 140 to 150 mm."
    ]


def test_channels_in_another_order_are_named_in_the_order_that_fits(profile):
    assert input_warnings(profile, facts(intensity=CURVES[[1, 0, 2]]), NAMES) == [
        "The channels seem to be in another order: they look like T2, T1, FLAIR, not T1, T2, FLAIR."
    ]


def test_a_channel_unlike_any_is_named_alone(profile):
    inverted = np.stack([CURVES[0], 1 - CURVES[1][::-1] * 0.2, CURVES[2]])
    assert input_warnings(profile, facts(intensity=inverted), NAMES) == [
        "The intensities of T2 are unlike those of the training scans."
    ]
    assert "channel 1" in input_warnings(profile, facts(intensity=inverted))[0]


def test_one_training_scan_leaves_some_room_for_others():
    profile = input_profile([facts()])
    assert input_warnings(profile, facts(intensity=CURVES + 0.01)) == []
    assert len(input_warnings(profile, facts(intensity=CURVES + 0.1))) == 3


def test_another_number_of_channels_is_told(profile):
    found = input_warnings(profile, facts(intensity=CURVES[:2]))
    assert found == ["The scan has 2 channels; the training scans have 3."]


def test_a_profile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="facts must hold those of at least one training scan, got none"):
        input_profile([])


def test_spacing_and_field_are_those_of_the_body_however_the_file_lies():
    sagittal = np.array([[0, 0, -4.0, 0], [0.5, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])
    found = input_facts(np.random.default_rng(0).random((1, 1, 4, 4)), sagittal, (100, 50, 10))
    assert found.spacing_mm.tolist() == [4.0, 0.5, 2.0]
    assert found.field_mm.tolist() == [40.0, 50.0, 100.0]


def test_a_tilted_gantry_keeps_its_axes():
    sheared = np.array([[-0.5, 0, 0, 0], [0, -0.5, 1.0, 0], [0, 0, 5.0, 0], [0, 0, 0, 1]])
    found = input_facts(np.ones((1, 1, 4, 4)), sheared, (512, 512, 30))
    assert found.spacing_mm == pytest.approx([0.5, 0.5, np.hypot(1, 5)])


def test_blank_slices_do_not_count():
    pixels = np.arange(16.0).reshape(1, 1, 4, 4)
    with_blank = np.concatenate([pixels, np.zeros_like(pixels)])
    expected = np.percentile(np.arange(16.0), PERCENTILES)
    assert input_facts(with_blank, np.eye(4), (4, 4, 2)).intensity[0] == pytest.approx(expected)


def test_the_store_of_a_run_has_the_facts_of_its_cases(tmp_path):
    store = SliceStore([{"case": "a"}, {"case": "b"}], ramps, tmp_path)
    first, second = stored_facts(store, [(np.eye(4), (4, 4, 20)), (2 * np.eye(4), (4, 4, 20))])
    assert (first.field_mm[2], second.field_mm[2]) == (20.0, 40.0)
    assert first.intensity[0] == pytest.approx(np.percentile(np.tile(np.arange(16.0), 16), PERCENTILES))
    assert second.intensity == pytest.approx(3 * first.intensity)


def test_a_store_of_whole_numbers_has_the_facts_of_the_intensities(tmp_path):
    as_float, as_whole = [
        next(iter(stored_facts(SliceStore([{"case": "a"}], scaled, tmp_path / kind, kind), [(np.eye(4), (4, 4, 20))])))
        for kind in ("float32", "uint8")
    ]
    assert as_whole.intensity == pytest.approx(as_float.intensity)
