"""A table before it has numbers."""

import pytest
from conftest import ROOT

from bundle.experiments import Experiment

CONTENT = """
base: [configs/train.json, size.yaml]
settings: {max_epochs: 2, seed: 9}
rows:
  plain: [plain.yaml]
  guided: [guided.yaml, more.yaml]
repeats: {0: {seed: 0}, 1: {seed: 1}}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "table.yaml"
    path.write_text(CONTENT)
    return path


def test_one_run_for_each_row_and_repeat(file, tmp_path):
    runs = Experiment.read(file).runs(tmp_path, {"dataset_dir": "/data"})
    assert [run.name for run in runs] == ["plain/0", "guided/0", "plain/1", "guided/1"]
    last = runs[-1]
    assert last.output_dir == tmp_path / "table/guided/1"
    assert last.config_files == ["configs/train.json", "size.yaml", "guided.yaml", "more.yaml"]
    assert last.overrides == {"max_epochs": 2, "seed": 1, "dataset_dir": "/data"}


def test_settings_may_be_left_out(file):
    file.write_text(CONTENT.replace("settings: {max_epochs: 2, seed: 9}\n", ""))
    assert Experiment.read(file).settings == {}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [("rows:", "row:", r"\['row', 'rows'\]"), ("base:", "bases:", r"\['base', 'bases'\]"), (CONTENT, "- a\n", "base")],
)
def test_a_wrong_entry_is_named(file, old, new, named):
    file.write_text(CONTENT.replace(old, new))
    with pytest.raises(
        ValueError, match=rf"table\.yaml expected the entries base, rows, repeats and settings.*{named}"
    ):
        Experiment.read(file)


@pytest.mark.parametrize("path", sorted((ROOT / "configs/experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_experiments_of_the_bundle_name_files_that_exist(path, tmp_path):
    runs = Experiment.read(path).runs(tmp_path)
    assert len({run.output_dir for run in runs}) == len(runs) > 1
    assert {name for run in runs for name in run.config_files if not (ROOT / name).exists()} == set()
