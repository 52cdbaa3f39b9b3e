"""A table before it has numbers."""

import sys

import pytest

from bundle.experiments import Experiment
from bundle.experiments.overrides import overlay_ids

CONTENT = """
base: [configs/train.json, size.yaml]
settings: {max_epochs: 2, seed: 9}
rows:
  plain: [plain.yaml]
  guided: [guided.yaml, more.yaml]
repeats: {0: {seed: 0}, 1: {seed: 1}}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """An experiment whose overlays lie beside it; the second one of `guided` sets what `settings` does, too."""
    monkeypatch.setattr(sys.modules[overlay_ids.__module__], "BUNDLE_ROOT", tmp_path)
    overlay_ids.cache_clear()
    for name, text in {"plain": "beta: 0.1", "guided": "attribution: {beta: 1}", "more": "dropout: 0.5"}.items():
        (tmp_path / f"{name}.yaml").write_text(f"# a comment\n{text}\n")
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
    with pytest.raises(ValueError, match=rf"table\.yaml: entries must be base, rows, repeats and settings.*{named}"):
        Experiment.read(file)


def test_a_row_learns_from_the_same_repeat_of_a_row_above(file, tmp_path):
    file.write_text(CONTENT.replace("[guided.yaml, more.yaml]", "{overlays: [guided.yaml], teacher: plain}"))
    experiment = Experiment.read(file)
    for runs in (experiment.runs(tmp_path), experiment.only(["guided"]).runs(tmp_path)):
        assert runs[-1].overrides["teacher"] == str(tmp_path / "table/plain/1/model.pt")
        assert runs[-1].teacher == tmp_path / "table/plain/1"
    assert experiment.runs(tmp_path)[0].teacher is None


@pytest.mark.parametrize("teacher", ["guided", "plan"])
def test_a_teacher_that_is_no_row_above_is_refused(teacher, file):
    file.write_text(CONTENT.replace("[guided.yaml, more.yaml]", f"{{overlays: [guided.yaml], teacher: {teacher}}}"))
    with pytest.raises(ValueError, match=f"teacher of row guided must be a row above it or a path, got '{teacher}'"):
        Experiment.read(file)


def test_a_row_has_overrides_of_its_own(file, tmp_path):
    file.write_text(CONTENT.replace("[plain.yaml]", "{overlays: [plain.yaml], beta: 0.5, max_epochs: 3, seed: 7}"))
    plain, guided, *_ = Experiment.read(file).runs(tmp_path, {"patience": 4})
    assert plain.config_files == ["configs/train.json", "size.yaml", "plain.yaml"]
    assert plain.overrides == {"beta": 0.5, "max_epochs": 3, "seed": 0, "patience": 4}, "row before settings"
    assert guided.overrides == {"max_epochs": 2, "seed": 0, "patience": 4}


@pytest.mark.parametrize("setting", ["dropout: 0.1", "'attribution#beta': 0.2", "attribution: {}"])
def test_settings_may_not_change_what_an_overlay_of_a_row_sets(setting, file, tmp_path):
    file.write_text(CONTENT.replace("seed: 9", f"{setting}, beta_2: 0"))
    with pytest.raises(ValueError, match=r"got (dropout|attribution|attribution#beta), which guided/0 sets"):
        Experiment.read(file).runs(tmp_path)


def test_a_row_may_give_again_what_settings_and_its_overlay_give(file, tmp_path):
    row = "{overlays: [guided.yaml, more.yaml], dropout: 0.2}"
    file.write_text(CONTENT.replace("seed: 9", "dropout: 0.1").replace("[guided.yaml, more.yaml]", row))
    plain, guided, *_ = Experiment.read(file).runs(tmp_path)
    assert (plain.overrides["dropout"], guided.overrides["dropout"]) == (0.1, 0.2)


def test_a_repeat_has_data_of_its_own(file, tmp_path):
    file.write_text(CONTENT.replace("{seed: 1}", "{seed: 1, dataset_dir: /b}"))
    runs = Experiment.read(file).runs(tmp_path, {"dataset_dir": "/a", "cache_dir": "/c"})
    assert [run.overrides["dataset_dir"] for run in runs] == ["/a", "/a", "/b", "/b"]


def test_what_each_run_has_of_its_own_is_refused(file, tmp_path):
    file.write_text(CONTENT.replace("seed: 9", "model_dir: weights"))
    with pytest.raises(ValueError, match="ids of plain/0 must not be model_dir: every run has its own"):
        Experiment.read(file).runs(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"), [("a: [", "must be YAML or JSON"), ("# nothing", "must hold `id: value` lines, got None")]
)
def test_an_overlay_that_is_none_is_named(content, message, file, tmp_path):
    (tmp_path / "more.yaml").write_text(content)
    with pytest.raises(ValueError, match=rf"more\.yaml {message}"):
        Experiment.read(file).runs(tmp_path)


@pytest.mark.parametrize("name", ["beta", "attribution#beta", "attribution::beta", "attribution", "dropout", "seed"])
def test_an_override_of_all_runs_may_not_change_what_makes_a_row(name, file, tmp_path):
    with pytest.raises(ValueError, match=rf"got {name}, which (plain|guided)/0 sets"):
        Experiment.read(file).runs(tmp_path, {name: 1})


def test_an_overlay_that_is_not_there_is_named(file, tmp_path):
    file.write_text(CONTENT.replace("more.yaml", "mor.yaml"))
    with pytest.raises(ValueError, match=r"must be a config file, got .*mor\.yaml, which is not there"):
        Experiment.read(file).runs(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{0: {seed: 0}, 1: {seed: 1}}", "[0, 1]", r"repeats must be name: \{id: value\}, got \[0, 1\]"),
        ("{seed: 1}", "1", r"repeat 1 must be \{id: value\}, got 1"),
        ("{max_epochs: 2, seed: 9}", "[2]", r"settings must be id: value, got \[2\]"),
        ("[configs/train.json, size.yaml]", "size.yaml", "base must be a list of config files, got 'size.yaml'"),
        ("plain: [", "../plain: [", r"must name a folder, got '\.\./plain'"),
        ("{0:", "{..:", r"must name a folder, got '\.\.'"),
        ("base:", "base: [", "file must be YAML"),
        ("rows:\n  plain: [plain.yaml]\n  guided: [guided.yaml, more.yaml]", "rows:", "rows must be name"),
    ],
)
def test_a_file_of_another_form_is_refused(old, new, message, file):
    file.write_text(CONTENT.replace(old, new))
    with pytest.raises(ValueError, match=rf"table\.yaml.*{message}"):
        Experiment.read(file)


def test_some_rows_only(file):
    file.write_text(CONTENT + "shares: {plain: 0, guided: 100}\n")
    experiment = Experiment.read(file)
    assert experiment.only(None) is experiment
    assert experiment.only(["guided"]).rows == {"guided": ["guided.yaml", "more.yaml"]}
    assert experiment.only(["guided"]).shares == {"guided": 100}
    with pytest.raises(ValueError, match=r"rows of table must be some of plain, guided, got \['gided'\]"):
        experiment.only(["gided"])


@pytest.mark.parametrize("row", ["plain.yaml", "{beta: 0.5}", "{overlays: plain.yaml}", "[1]"])
def test_a_row_of_another_form_is_named(row, file):
    file.write_text(CONTENT.replace("[plain.yaml]", row))
    with pytest.raises(ValueError, match=r"table\.yaml: row plain must be \[overlay"):
        Experiment.read(file)


def test_experiments_of_a_folder_share_runs(file, tmp_path):
    file.write_text(CONTENT + "folder: shared\n")
    assert Experiment.read(file).run("guided", "1", tmp_path).output_dir == tmp_path / "shared/guided/1"


def test_shares_name_rows(file):
    file.write_text(CONTENT + "shares: {plain: 0, guided: 100}\n")
    assert Experiment.read(file).shares == {"plain": 0, "guided": 100}
    file.write_text(CONTENT + "shares: {plian: 0}\n")
    with pytest.raises(
        ValueError, match=r"table\.yaml: shares must be \{row: percent\} with some of plain, guided, got"
    ):
        Experiment.read(file)


def test_curves_name_the_rows_of_each_method(file):
    file.write_text(CONTENT + "curves: {LGM-ViT: {plain: 0, guided: 100}, U-Net: {guided: 10}}\n")
    experiment = Experiment.read(file)
    assert experiment.curves == {"LGM-ViT": {"plain": 0, "guided": 100}, "U-Net": {"guided": 10}}
    assert experiment.only(["plain"]).curves == {"LGM-ViT": {"plain": 0}}
    for wrong in ("{plian: 0}", "10"):
        file.write_text(CONTENT + f"curves: {{U-Net: {wrong}}}\n")
        with pytest.raises(ValueError, match=r"curves of U-Net must be \{row: percent\} with some of plain, guided"):
            Experiment.read(file)


def test_repeats_may_be_every_combination_of_values(file, tmp_path):
    file.write_text(CONTENT.replace("{0: {seed: 0}, 1: {seed: 1}}", "{test_site: [DU, CS], seed: [0, 1]}"))
    experiment = Experiment.read(file)
    assert experiment.repeats == {
        "DU_seed0": {"test_site": "DU", "seed": 0},
        "DU_seed1": {"test_site": "DU", "seed": 1},
        "CS_seed0": {"test_site": "CS", "seed": 0},
        "CS_seed1": {"test_site": "CS", "seed": 1},
    }
    assert experiment.runs(tmp_path)[0].name == "plain/DU_seed0"


def test_published_scores_come_from_the_table_beside_it(file, tmp_path):
    file.write_text(CONTENT + "published: X\n")
    (tmp_path / "published.csv").write_text("dataset,row,f1,auroc\nY,plain,1±1,1±1\nX,plain,89.5±0.13,96±1.25\n")
    assert Experiment.read(file).published == {"plain": {"f1": "0.895 ± 0.001", "auroc": "0.960 ± 0.013"}}
    file.write_text(CONTENT + "published: Z\n")
    with pytest.raises(ValueError, match=r"published\.csv: data set must be one of its column `dataset`, got 'Z'"):
        Experiment.read(file)
