"""Overrides of all runs of an experiment."""

import pytest

from bundle.experiments import command_overrides


def test_values_are_read_as_the_bundle_reads_them():
    words = ["--max_epochs", "3", "--split_fractions", "[0.5,0.25,0.25]", "--amp", "--shift=-1", "--low", "-.5"]
    expected = {"max_epochs": 3, "split_fractions": [0.5, 0.25, 0.25], "amp": True, "shift": -1, "low": -0.5}
    assert command_overrides(words) == expected
    assert command_overrides([]) == {}


@pytest.mark.parametrize(
    "words", [["stray"], ["--max_epochs", "1", "stray"], ["--max_epochs=1", "stray"], ["--amp", "True", "stray", "--x"]]
)
def test_a_stray_word_is_refused(words):
    with pytest.raises(ValueError, match="got the word 'stray'"):
        command_overrides(words)


@pytest.mark.parametrize(
    "name", ["model_dir", "output-dir", "output_dir", "config_file", "args_file", "resume", "run_id", "bundle_root"]
)
def test_what_every_run_has_of_its_own_is_refused(name):
    with pytest.raises(ValueError, match=f"other ids than {name.replace('-', '_')}: every run has its own"):
        command_overrides([f"--{name}", "x"])


def test_an_option_of_the_script_with_a_hyphen_is_told_how_it_is_spelled():
    with pytest.raises(ValueError, match="write --cache_dir"):
        command_overrides(["--cache-dir", "x"])
