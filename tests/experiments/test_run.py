"""One run in its own processes: what is started, and what is said of it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import filelock
import pytest
from conftest import ROOT
from fire.parser import DefaultParseValue
from ignite.engine import Engine
from support.processes import Forked, python

from bundle.experiments import BundleRun, ProcessGroup, run_inference
from bundle.experiments.run import as_argument
from bundle.files import write_json
from bundle.handlers import TrainingHistory
from bundle.workflow.command_line import CommandLine

FILES = ["configs/train.json", "configs/methods/lgmvit.yaml"]


@pytest.fixture
def started(monkeypatch):
    """What is started instead of MONAI; `codes` are the exit codes, `write` what an evaluation leaves."""
    seen = SimpleNamespace(commands=[], options=[], codes=[0, 0], write=True)

    def run(self, command, *, stdout, **options):
        seen.commands.append(command)
        seen.options.append(options)
        stdout.write(f"epoch {len(seen.commands)}/2: loss 1\n")
        stdout.flush()
        code = seen.codes[len(seen.commands) - 1]
        if "evaluate.json" in str(command) and code == 0 and seen.write:
            folder = Path(CommandLine.read(["monai/bundle/__main__.py", *command[3:]]).overrides["output_dir"])
            (folder / "metrics.json").write_text('{"slice": {"f1": 0.5}}')
        return code

    monkeypatch.setattr(ProcessGroup, "run", run)
    return seen


def test_the_commands_say_what_was_asked_for(tmp_path):
    overrides = {"seed": 3, "test_site": "1", "amp": False, "split_fractions": [0.5, 0.5]}
    run = BundleRun("lgmvit/0", tmp_path / "a run", FILES, overrides)
    train, evaluate = (CommandLine.read(["/lib/monai/bundle/__main__.py", *command[3:]]) for command in run.commands())
    expected = {"output_dir": str(tmp_path / "a run"), **overrides}
    assert train == CommandLine(tuple(FILES), {**expected, "resume": True})
    assert evaluate == CommandLine((*FILES, "configs/evaluate.json"), expected)
    assert all(command[:4] == [sys.executable, "-m", "monai.bundle", "run"] for command in run.commands())


@pytest.mark.parametrize(
    "value",
    [1, 1.5, -1, True, None, "D", "1", "1e3", "None", "a b", "[x]", "", [1, "a"], {"a": 1}, "it's", "a,b", "/d/x"],
)
def test_fire_reads_back_what_was_meant(value):
    assert DefaultParseValue(as_argument(value)) == value
    assert type(DefaultParseValue(as_argument(value))) is type(value)


def test_paths_become_text():
    assert as_argument(Path("/data/lgg")) == "/data/lgg"
    assert DefaultParseValue(as_argument(Path("2020"))) == "2020"


def test_a_run_trains_and_is_evaluated_from_the_bundles_root(started, tmp_path):
    run = BundleRun("a", tmp_path / "a", FILES)
    assert (run(), run.is_finished, run.progress) == (True, True, 1.0)
    assert run.metrics() == {"slice": {"f1": 0.5}}
    assert ["evaluate.json" in str(command) for command in started.commands] == [False, True]
    assert (Path(started.options[0]["cwd"]) / "configs/train.json").exists()
    assert started.options[0]["env"]["OMP_NUM_THREADS"] == "1"
    assert started.options[0]["env"].keys() >= os.environ.keys()


@pytest.mark.parametrize(("codes", "count"), [([1, 0], 1), ([-9, 0], 1), ([0, 1], 2)])
def test_a_failed_run_says_so_and_goes_no_further(codes, count, started, tmp_path):
    started.codes = codes
    run = BundleRun("a", tmp_path / "a", FILES)
    assert (run(), run.is_finished) == (False, False)
    assert len(started.commands) == count


def test_an_evaluation_that_leaves_no_metrics_has_failed(started, tmp_path):
    started.write = False
    assert BundleRun("a", tmp_path / "a", FILES)() is False


def test_the_log_is_continued(started, tmp_path):
    run = BundleRun("a", tmp_path / "a", FILES)
    run.output_dir.mkdir()
    run.log.write_text("killed\n")
    run()
    assert run.last_words(2).splitlines() == ["epoch 2/2: loss 1"], "of the last command"
    lines = run.log.read_text().splitlines()
    assert [line.partition(" --")[0] for line in lines] == [
        "killed",
        "$ python -m monai.bundle run",
        "epoch 1/2: loss 1",
        "$ python -m monai.bundle run",
        "epoch 2/2: loss 1",
    ]


@pytest.mark.parametrize(
    ("epochs", "progress"), [(0, 0.0), (2, 0.475), (4, 0.95)], ids=["starting", "half", "trained, not evaluated"]
)
def test_progress_is_that_of_the_history(epochs, progress, tmp_path):
    engine = Engine(lambda engine, batch: None)
    TrainingHistory(tmp_path).attach(engine)
    engine.add_event_handler("EPOCH_COMPLETED", lambda engine: engine.state.epoch == epochs and engine.terminate())
    if epochs:
        engine.run([0], max_epochs=4)
    assert BundleRun("a", tmp_path, FILES).progress == pytest.approx(progress)


def test_a_finished_run_is_known_by_its_metrics(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({}))
    assert BundleRun("a", tmp_path, FILES).progress == 1.0


def test_a_run_that_only_trains_is_finished_by_its_record(started, tmp_path):
    run = BundleRun("a", tmp_path, FILES, evaluates=False)
    (tmp_path / "run.json").write_text('{"settings": {}}')
    (tmp_path / "history.csv").write_text("epoch,max_epochs\n1,2\n")
    assert (run(), len(started.commands), run.progress) == (False, 1, 0.5)
    (tmp_path / "run.json").write_text('{"settings": {}, "completed": "2026-11-25T03:46:59+00:00"}')
    assert (run.is_finished, run.progress) == (True, 1.0)
    assert not BundleRun("a", tmp_path, FILES).is_finished


def test_no_log_no_words(tmp_path):
    assert BundleRun("a", tmp_path, FILES).last_words() == ""


def test_a_run_that_another_process_has_is_waited_for_and_taken(started, tmp_path):
    """Tables of one folder share runs, and may be at work on several machines."""
    run = BundleRun("a", tmp_path, FILES)
    results = []
    with run.log.open("a") as held:
        filelock.lock_descriptor(held.fileno())
        waiting = threading.Thread(target=lambda: results.append(run()))
        waiting.start()
        waiting.join(timeout=0.2)
        assert waiting.is_alive()
        (tmp_path / "metrics.json").write_text("{}")
    waiting.join(timeout=60)
    assert (results, started.commands) == ([True], [])


def test_a_run_that_waits_can_be_ended(started, tmp_path):
    run = BundleRun("a", tmp_path, FILES)
    with run.log.open("a") as held:
        filelock.lock_descriptor(held.fileno())
        run.end()
        started.codes = [-15, -15]
        assert run() is False


ORPHAN = """
import sys
from pathlib import Path
from bundle.experiments import BundleRun
class Run(BundleRun):
    def commands(self):
        code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
        return [[sys.executable, "-c", code]]
Run("a", Path(sys.argv[1]), [])()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there, locks end with the parent")
def test_an_orphaned_training_keeps_the_lock(tmp_path):
    """Its parent was killed and could not end it: another process must not start the same run beside it."""
    run = BundleRun("a", tmp_path, FILES)
    parent = Forked(["-c", ORPHAN, tmp_path], ROOT, os.environ)
    try:
        while not (run.log.exists() and run.log.read_text().splitlines()[1:]):
            time.sleep(0.1)
            assert parent.poll() is None
        orphan = int(run.log.read_text().splitlines()[-1])
    finally:
        parent.kill()
        parent.wait()
    with run.log.open("a") as log:
        held = not filelock.lock_descriptor(log.fileno(), blocking=False)
        os.kill(orphan, signal.SIGKILL)
        assert held
        assert filelock.lock_descriptor(log.fileno())


NO_UNIX = """
import os, signal, sys
# other libraries are there already and may use what is taken away, in their own way
for name in [name for name in sys.modules if name.partition(".")[0] == "filelock"]:
    del sys.modules[name]
sys.modules["fcntl"] = None
del os.killpg, signal.SIGHUP, signal.SIGKILL
from pathlib import Path
import bundle.experiments
from bundle.experiments.process_group import ended_like_ctrl_c
with ended_like_ctrl_c():
    print(bundle.experiments.BundleRun("a", Path("not/there"), []).progress)
group = bundle.experiments.ProcessGroup()
import threading
threading.Timer(1, group.end).start()
print(group.run([sys.executable, "-c", "import time; time.sleep(600)"]))
"""


def test_experiments_import_and_end_a_command_where_unix_is_missing():
    """As on Windows: no fcntl, no process groups, no SIGHUP and SIGKILL."""
    status, printed = python("-c", NO_UNIX, cwd=ROOT)
    assert status == 0, printed
    assert printed.split()[-2:] == ["0.0", "-15"]  # after a warning that only such a system gets


def fake(monkeypatch, *, code=0, cases=()):
    seen = []

    def run(command, *, cwd, **options):
        seen.append((CommandLine.read(["/lib/monai/bundle/__main__.py", *command[3:]]), Path(cwd)))
        for case in cases:
            folder = Path(seen[-1][0].overrides["output_dir"]) / case
            folder.mkdir(parents=True)
            (folder / "summary.json").touch()
        return SimpleNamespace(returncode=code, stdout="printed", stderr="Traceback: no weights")

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_the_folders_of_the_cases_come_back(monkeypatch, tmp_path):
    seen = fake(monkeypatch, cases=["b", "a", ".half"])
    run = BundleRun("lgmvit/0", tmp_path / "run", [])
    position = {"bias": 0.5, "position": [0.25, -1.0]}
    write_json(run.output_dir / "metrics.json", {"slice_position": position})
    images = [["/d/t1.nii", "/d/t2.nii"], "/d/x.nii"]
    folders = run_inference(run, images, tmp_path / "out", ["configs/sizes/tiny.yaml"])
    assert folders == [tmp_path / "out/a", tmp_path / "out/b"]
    ((command_line, root),) = seen
    assert command_line.files == ("configs/inference.json", "configs/sizes/tiny.yaml")
    assert command_line.overrides == {
        "slice_position": position,
        "dataset_dir": images,
        "checkpoint": str(tmp_path / "run/model.pt"),
        "output_dir": str(tmp_path / "out"),
    }
    assert (root / "configs/inference.json").exists()


def test_a_failure_says_what_was_printed(monkeypatch, tmp_path):
    fake(monkeypatch, code=1)
    with pytest.raises(RuntimeError, match=r"inference with a failed:\nprinted\nTraceback: no weights"):
        run_inference(BundleRun("a", tmp_path, []), ["/d/x.nii"], tmp_path, [])
