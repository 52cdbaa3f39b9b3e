"""Many runs, some at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bundle.experiments import RunQueue


@dataclass
class ToyRun:
    """A run that does what it is told."""

    name: str
    outcome: object = True
    is_finished: bool = False
    calls: list = field(default_factory=list)
    progress: float = 0.0

    @property
    def output_dir(self):
        return Path(self.name)

    @property
    def log(self):
        return self.output_dir / "log.txt"

    def __call__(self):
        self.calls.append(self.name)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        self.is_finished = bool(self.outcome)
        self.progress = float(self.is_finished)
        return self.is_finished

    def last_words(self):
        return f"last line\nof {self.name}"

    def end(self):
        self.ended = True


def test_what_is_not_finished_runs_and_what_fails_stops_nothing(capsys):
    runs = [ToyRun("done", is_finished=True, progress=1.0), ToyRun("bad", False), ToyRun("worse", OSError("disk full"))]
    runs += [ToyRun("good"), ToyRun("better")]
    failed = RunQueue(runs, parallel=2)()
    assert sorted(run.name for run in failed) == ["bad", "worse"]
    assert [len(run.calls) for run in runs] == [0, 1, 1, 1, 1]
    lines = capsys.readouterr().out
    assert "good: done; " in lines
    assert "bad: FAILED, its last words are in bad/log.txt; " in lines
    assert "worse: disk full" in lines
    assert "    last line\n    of bad\n" in lines
    assert "of good" not in lines
    assert "done: " not in lines.replace(": done; ", "")


def test_a_second_call_runs_the_failed_ones_only():
    runs = [ToyRun("good"), ToyRun("bad", False)]
    assert [run.name for run in RunQueue(runs, 1)()] == ["bad"]
    runs[1].outcome = True
    assert RunQueue(runs, 1)() == []
    assert [len(run.calls) for run in runs] == [1, 2]


def test_no_more_than_parallel_at_a_time():
    at_work, most, lock = set(), [], threading.Lock()

    class Watched(ToyRun):
        def __call__(self):
            with lock:
                at_work.add(self.name)
                most.append(len(at_work))
            meeting.wait(timeout=20)
            with lock:
                at_work.discard(self.name)
            return super().__call__()

    meeting = threading.Barrier(2)  # passes only where two run at once
    assert RunQueue([Watched(str(number)) for number in range(6)], parallel=2)() == []
    assert max(most) == 2


def test_an_interrupt_starts_no_other_run(monkeypatch):
    runs = [ToyRun(str(number)) for number in range(50)]
    hold = threading.Event()

    class Slow(ToyRun):
        def __call__(self):
            hold.wait(timeout=20)
            return super().__call__()

    def interrupted(self, pool, bar):
        for run in [Slow("slow"), *runs]:
            pool.submit(run)
        raise KeyboardInterrupt
        yield

    def shutdown(self, **options):
        original(self, **options)
        hold.set()

    original = ThreadPoolExecutor.shutdown
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
    monkeypatch.setattr(RunQueue, "ended", interrupted)
    with pytest.raises(KeyboardInterrupt):
        RunQueue(runs, parallel=1)()
    assert sum(len(run.calls) for run in runs) == 0
    assert all(run.ended for run in runs)


def test_what_cannot_run_is_refused():
    with pytest.raises(ValueError, match="a folder of its own"):
        RunQueue([ToyRun("a"), ToyRun("a")])
    with pytest.raises(ValueError, match="at least 1 process, got 0"):
        RunQueue([], parallel=0)
