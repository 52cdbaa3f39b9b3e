"""The table of knobs fits the configs, both ways, and its page is current."""

import json
import runpy
import sys

import pytest
from conftest import ROOT

from bundle.workflow.compare import OLD_NAMES
from bundle.workflow.knobs import BASES, ROLES, knobs, markdown_page, names, plain_settings, terminal_page

CONFIGS = {base: json.loads((ROOT / "configs" / base).read_text()) for base in BASES}


def ids(*bases):
    found = {name.lstrip("+").split("#")[0] for base in bases for name in CONFIGS[base]}
    return {OLD_NAMES.get(name, name) for name in found}


@pytest.mark.parametrize("base", BASES)
def test_every_entry_of_a_config_has_a_row(base):
    assert ids(base) - set(knobs()) == set()


def test_every_row_is_an_entry_of_a_config():
    assert set(knobs()) - ids(*BASES) == set()


@pytest.mark.parametrize("name", sorted(knobs()))
def test_every_row_says_what_it_is_and_every_plain_knob_what_it_may_be(name):
    knob = knobs()[name]
    assert knob.role in ROLES
    assert knob.help.endswith(".")
    assert "\n" not in knob.help
    assert knob.range or not plain_settings({name: next(iter(knob.defaults().values()), {})}, knob.role)


def test_no_name_is_in_two_roles():
    """YAML would keep the last of two rows in silence."""
    assert sum(len(names(role)) for role in ROLES) == len(names(*ROLES)) == len(knobs())


def test_the_page_is_current():
    made = "run `python scripts/knobs.py --markdown > docs/knobs.md`"
    assert (ROOT / "docs/knobs.md").read_text() == markdown_page(), made


def test_the_page_has_every_default_of_train_that_is_a_number():
    lines = {line.split("`")[1]: line for line in markdown_page().splitlines() if line.startswith("| `")}
    for name, value in CONFIGS["train.json"].items():
        if isinstance(value, bool | int | float | list) and name not in ("imports", "initialize", "run"):
            assert f"| `{json.dumps(value)}` |" in lines[name]


def test_an_unknown_role_is_an_error():
    with pytest.raises(ValueError, match=r"roles must be some of network, .*, got netwrk"):
        names("netwrk")


def run_script(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["knobs.py", *arguments])
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(ROOT / "scripts/knobs.py"), run_name="__main__")


def test_the_script_prints_one_knob_all_or_the_page(monkeypatch, capsys):
    run_script(monkeypatch, "beta")
    assert capsys.readouterr().out == terminal_page("beta") + "\n"
    run_script(monkeypatch)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[0] != " "] == list(knobs())
    run_script(monkeypatch, "--markdown")
    assert capsys.readouterr().out == markdown_page()


@pytest.mark.parametrize(
    ("name", "hint"), [("num_head", "did you mean 'num_heads'?"), ("zzzz", "give none to list all")]
)
def test_a_misspelled_name_is_an_error_with_the_nearest(monkeypatch, name, hint):
    with pytest.raises(SystemExit) as error:
        run_script(monkeypatch, name)
    assert hint in str(error.value)
