"""Every file of configs/experiments: its runs have their files, pass the guard and are what their table says."""

import csv

import pytest
from conftest import ROOT
from monai.bundle import ConfigParser

from bundle.experiments import Experiment
from bundle.workflow import refuse_unknown_overrides
from bundle.workflow.command_line import CommandLine

FILES = sorted(set((ROOT / "configs/experiments").glob("*.yaml")) - set(ROOT.glob("configs/experiments/labeling_*")))
NAMES = [file.stem for file in FILES]
# lambda and beta of the paper and its authors' code, typed in anew
WEIGHTS = {
    "brats2020": {
        "lgmvit": 1000, "class_attention": 1000, "token_embedding": 1000, "rollout": 250, "relevance": 250,
        "gradmask": 0.1, "robustvit": 50, "res_g": 0.1, "res_l": 0.1, "baseline": 0,
    },
    "lits17": {
        "lgmvit": 250, "class_attention": 250, "token_embedding": 250, "rollout": 100, "relevance": 250,
        "gradmask": 0.1, "robustvit": 0.1, "res_g": 0.5, "res_l": 0.5, "baseline": 0,
    },
}  # fmt: skip
BETA = {"brats2020": 0.85, "lits17": 0.95}
MAPS = {
    "class_attention": "ClassAttention", "token_embedding": "TokenEmbedding", "rollout": "Rollout", "lgmvit": "EAFEM",
    "relevance": "Relevance", "gradmask": "Relevance", "robustvit": "Relevance", "res_g": "Relevance",
    "res_l": "Relevance", "baseline": "EAFEM",
}  # fmt: skip


def read(name):
    return Experiment.read(ROOT / f"configs/experiments/{name}.yaml")


def resolved(run):
    """Return the config of a run, references unresolved."""
    return CommandLine(tuple(str(ROOT / file) for file in run.config_files), dict(run.overrides)).merged()


@pytest.mark.parametrize("name", NAMES)
def test_every_run_has_its_files_and_passes_the_guard(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    experiment = read(name)
    first_row, first_repeat = next(iter(experiment.rows)), next(iter(experiment.repeats))
    runs = experiment.runs(tmp_path, {"dataset_dir": "/data", "cache_dir": "/cache"})
    assert len({run.output_dir for run in runs}) == len(runs) > 1
    for run in runs:
        row, repeat = run.name.split("/")
        if row == first_row or repeat == first_repeat:  # every row and every repeat once
            for command in run.commands():
                assert refuse_unknown_overrides(["monai/bundle/__main__.py", *command[3:]]) is None


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_says_what_it_is(name):
    lines = (ROOT / f"configs/experiments/{name}.yaml").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert max(map(len, lines)) <= 120


def test_rows_of_one_name_in_one_folder_are_one_run(tmp_path):
    runs = {}
    for name in NAMES:
        for run in read(name).runs(tmp_path):
            assert runs.setdefault(run.output_dir, run) == run, f"{name}: {run.name}"


@pytest.mark.parametrize("dataset", WEIGHTS)
@pytest.mark.parametrize("table", ["table1", "table2", "figure4"])
def test_the_papers_tables_have_the_papers_weights_and_maps(table, dataset, tmp_path):
    experiment = read(f"{table}_{dataset}")
    for run in experiment.runs(tmp_path):
        row, repeat = run.name.split("/")
        row = "lgmvit" if row.startswith("masks") else row
        found = resolved(run)
        assert found["localization_weight"] == WEIGHTS[dataset][row]
        assert found["attribution"]["_target_"] == f"bundle.attribution.{MAPS[row]}"
        assert found["attribution"].get("beta", "@beta") == "@beta"
        assert (found["beta"] == BETA[dataset]) or row not in ("lgmvit", "baseline")
        assert found["attribution"].get("reference") == (True if row == "rollout" else None)
        assert (found["max_epochs"], found["hidden_size"], found["seed"]) == (25, 768, int(repeat[-1]))
    assert list(experiment.repeats) == ["seed0", "seed1", "seed2"]


@pytest.mark.parametrize(("dataset", "counts"), [("brats2020", [86, 172]), ("lits17", [30, 60])])
def test_figure_4_has_the_papers_counts(dataset, counts, tmp_path):
    experiment = read(f"figure4_{dataset}")
    found = [resolved(experiment.run(row, "seed0", tmp_path))["supervised_cases"] for row in experiment.rows]
    assert found == ["all", *counts, "all"]
    training = {"brats2020": 258, "lits17": 92}[dataset]
    expected = [0, *(100 * count / training for count in counts), 100]
    assert list(experiment.shares.values()) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("dataset", ["lgg", "demo"])
def test_small_figures_use_their_share_of_masks(dataset, tmp_path):
    experiment = read(f"figure4_{dataset}")
    for row, share in experiment.shares.items():
        found = resolved(experiment.run(row, next(iter(experiment.repeats)), tmp_path))
        used = {"all": 1}.get(found["supervised_cases"], found["supervised_cases"])
        assert 100 * used * (found["localization_weight"] > 0) == pytest.approx(share)


@pytest.mark.parametrize("dataset", ["brats2020", "lits17", "lgg", "demo"])
def test_the_tables_have_their_rows(dataset):
    assert list(read(f"table1_{dataset}").rows) == ["baseline", "gradmask", "robustvit", "res_g", "res_l", "lgmvit"]
    maps = ["rollout", "relevance", "class_attention", "token_embedding"]
    assert list(read(f"table2_{dataset}").rows) == ["baseline", *maps, "lgmvit"]


SEARCHED = sorted((ROOT / "docs/results/search").glob("*/*/trials.csv"))


def test_every_supervised_method_of_table_1_was_searched():
    names = {f"{row}_fold0" for row in read("table1_lgg").rows if row != "baseline"}
    assert {file.parent.name for file in SEARCHED if file.parents[1].name == "table1_lgg"} == names


def test_every_map_of_table_2_was_searched():
    names = {f"{row}_fold0" for row in read("table2_lgg").rows if row not in ("baseline", "lgmvit")}
    assert {file.parent.name for file in SEARCHED if file.parents[1].name == "table2_lgg"} == names


@pytest.mark.parametrize("trials", SEARCHED, ids=lambda file: file.parent.name)
def test_tuned_weights_are_those_of_the_recorded_search(trials, tmp_path):
    rows = list(csv.DictReader(trials.open()))
    best = max(rows, key=lambda row: float(row["best validation score"]))
    row, repeat = trials.parent.name.rsplit("_", 1)
    found = resolved(read(trials.parents[1].name).run(row, repeat, tmp_path))
    assert found["localization_weight"] == float(best["localization_weight"])
    assert len(rows) == 4
    assert {row["epochs"] for row in rows} == {"10"}


def test_published_scores_of_every_row_that_the_paper_printed():
    for dataset in ("brats2020", "lits17"):
        experiment = read(f"table1_{dataset}")
        assert experiment.rows.keys() <= experiment.published.keys()
    assert read("table1_brats2020").published["res_g"]["f1"] == "0.903 ± 0.006"
    lits = read("table2_lits17")
    assert lits.rows.keys() <= lits.published.keys()
    assert lits.published["token_embedding"]["cohen_kappa"] == "0.808 ± 0.009"


@pytest.mark.parametrize("name", ["recommended_lgg", "recommended_sites_lgg"])
def test_rows_beside_the_recipe_differ_in_the_method_alone(name, tmp_path):
    experiment = read(name)
    own = [experiment.run(row, next(iter(experiment.repeats)), tmp_path) for row in experiment.rows]
    compared = [resolved(run) for run in own if run.name.split("/")[0] not in ("baseline", "lgmvit")]
    for knob in ("slice_smoothing", "slice_position", "key_metric", "threshold", "threshold_rule"):
        assert all(config[knob] == compared[0][knob] for config in compared), knob
    augmentations = [vars(ConfigParser(config["augmentation"]).get_parsed_content()) for config in compared]
    assert all(settings == augmentations[0] for settings in augmentations)
