"""The house rules that a machine can hold; CONTRIBUTING.md says them to people."""

import ast
import importlib.util
import re
import statistics

import pytest
from conftest import ROOT

SPEC = importlib.util.spec_from_file_location("measure_house", ROOT / "scripts/measure_house.py")
house = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(house)
MODULES = {path.relative_to(ROOT).as_posix(): text for path, text in house.modules().items()}

SHORT = {
    "bundle/keys.py": "names only",
    "bundle/console/study_command.py": "the one ending of two commands",
    "bundle/scaling.py": "the one min-max, on the ground floor",
    "bundle/files/atomic_file.py": "the one way to write a file",
    "bundle/files/installation.py": "the one place of what lies beside the package",
    "bundle/networks/evidence.py": "the contract between networks and attributions",
    "bundle/attribution/rollout.py": "one method a file",
    "bundle/attribution/mask_probability.py": "one method a file",
    "bundle/losses/classification.py": "one loss a file",
    "bundle/losses/dice_bce.py": "one loss a file",
    "bundle/losses/gradmask.py": "one loss a file",
    "bundle/losses/reconstruction.py": "one loss a file",
    "bundle/metrics/calibration.py": "the scores that judge probabilities",
    "bundle/dicom/objects/stable_uid.py": "the one way to name an object",
    "bundle/experiments/published_scores.py": "the one reader of published.csv",
}
"""Files below 50 lines that are an idea of their own, with the reason; handlers are one each."""
RIDDLE = re.compile(r"(What|How|Which|Where|Who|Whose|Whether|Why)\b")
BRITISH = re.compile(
    r"\w*(?:colour|neighbour|labelled|labelling|behaviour|licence|millimetre|modelling|favour|spelt|"
    r"(?:norm|organ|recogn|initial|regular|general|summar)is(?:e|ed|es|ing|ation)\b|\bgrey\b|\bcentre)\w*",
    re.IGNORECASE,
)
NAMES_OF_OTHERS = {"normalise", "centre_prior", "unlabelled"}
"""`normalise` is a keyword in records of version 0.1, `centre_prior` and `unlabelled` are keys of metrics.json."""


def documented(text):
    tree = ast.parse(text)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [
        (getattr(node, "name", "module"), ast.get_docstring(node)) for node in ast.walk(tree) if isinstance(node, kinds)
    ]


def test_files_are_neither_crumbs_nor_monoliths():
    lines = {path: len(text.splitlines()) for path, text in MODULES.items()}
    assert {path: count for path, count in lines.items() if count > 200} == {}
    short = {path for path, count in lines.items() if count < 50 and not path.startswith("bundle/handlers/")}
    assert short <= SHORT.keys()
    assert 90 <= statistics.median(lines.values()) <= 130


def test_function_bodies_are_short():
    lengths = {f"{path} {name}": length for path, text in MODULES.items() for name, length in house.bodies(text)}
    assert {name: length for name, length in lengths.items() if length > 30} == {}
    assert statistics.median(lengths.values()) < 10


@pytest.mark.parametrize("path", MODULES)
def test_docstrings_open_with_a_verb_or_a_noun(path):
    riddles = [
        f"{name}: {text.splitlines()[0]}" for name, text in documented(MODULES[path]) if text and RIDDLE.match(text)
    ]
    assert riddles == []


@pytest.mark.parametrize("path", MODULES)
def test_spelling_is_american(path):
    assert {word for word in BRITISH.findall(MODULES[path]) if word not in NAMES_OF_OTHERS} == set()


@pytest.mark.parametrize("path", MODULES)
def test_components_raise_and_do_not_exit(path):
    assert not re.search(r"sys\.exit\(|raise SystemExit", re.sub(r'"raise SystemExit.*', "", MODULES[path]))


@pytest.mark.parametrize("path", [path for path in MODULES if not path.startswith("bundle/files/")])
def test_only_the_ground_floor_writes_by_rename(path):
    assert not re.search(r"\.rename\(|os\.replace\(|\bpart\.replace\(|temporary\.replace\(", MODULES[path])


@pytest.mark.parametrize("path", MODULES)
def test_errors_have_one_voice(path):
    """`<name> must be <what>, got <value>: <remedy>`."""
    texts = [
        _spoken(node.exc.args[0])
        for node in ast.walk(ast.parse(MODULES[path]))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args
        if getattr(node.exc.func, "id", "") in {"ValueError", "TypeError", "FileNotFoundError", "NotADirectoryError"}
    ]
    silent = [text for text in texts if text.strip() and " must " not in f" {text}"]
    assert silent == []


def _spoken(message):
    """Return the words of a message without its values; nothing for one that only says where another error arose."""
    parts = list(ast.walk(message))
    words = "".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
    passes_on = any(isinstance(part, ast.Name) and part.id == "error" for part in parts) and len(words) < 20
    return "" if passes_on else words
