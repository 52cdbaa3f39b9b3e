"""Many runs, some at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from bundle.experiments import RunQueue, TimeLeft


@dataclass
class ToyRun:
    """A run that does what it is told."""

    name: str
    outcome: object = True
    is_finished: bool = False
    calls: list = field(default_factory=list)
    progress: float = 0.0
    teacher: Path | None = None

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


def test_a_run_waits_for_the_run_that_draws_its_masks():
    ended, may_end = [], threading.Event()

    class Recorded(ToyRun):
        def __call__(self):
            if self.name == "teacher":
                may_end.wait(30)
            ended.append(self.name)
            may_end.set()
            return super().__call__()

    runs = [Recorded("teacher"), Recorded("pupil", teacher=Path("teacher").absolute()), Recorded("other")]
    assert RunQueue(runs, parallel=3)() == []
    assert ended == ["other", "teacher", "pupil"]


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
    with pytest.raises(ValueError, match="folders of runs must differ"):
        RunQueue([ToyRun("a"), ToyRun("a")])
    with pytest.raises(ValueError, match="1 process or more, got 0"):
        RunQueue([], parallel=0)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def runs(*progress):
    return [SimpleNamespace(progress=part) for part in progress]


def test_unknown_before_anything_is_done_and_none_at_the_end():
    left = TimeLeft(2, Clock())
    (run,) = runs(0.0)
    assert left([run]) is None
    left.start(run)
    assert left([run]) is None
    assert left([]).total_seconds() == 0


def test_the_first_runs_are_judged_by_their_epochs():
    clock = Clock()
    left, (first, second) = TimeLeft(1, clock), runs(0.0, 0.0)
    left.start(first)
    clock.now, first.progress = 100, 0.25
    assert left([first, second]).total_seconds() == 300 + 400


@pytest.mark.parametrize(("parallel", "expected"), [(1, 250 + 400 + 400), (2, 525), (3, 400)])
def test_whole_runs_are_judged_by_those_that_ended(parallel, expected):
    clock = Clock()
    left, (done, at_work, *waiting) = TimeLeft(parallel, clock), runs(0.0, 0.0, 0.0, 0.0)
    left.start(done)
    clock.now, done.progress = 400, 1.0
    left.stop(done)
    left.start(at_work)
    clock.now, at_work.progress = 550, 0.95  # its epochs went fast, its evaluation has not come
    assert left([at_work, *waiting]).total_seconds() == expected


def test_a_run_that_is_late_still_takes_its_time():
    clock = Clock()
    left, (done, late) = TimeLeft(1, clock), runs(0.0, 0.0)
    left.start(done)
    clock.now, done.progress = 400, 1.0
    left.stop(done)
    left.start(late)
    clock.now, late.progress = 5000, 0.95
    assert left([late]).total_seconds() == 20


def test_a_continued_run_counts_the_part_that_was_done_here():
    clock = Clock()
    left, (continued, waiting) = TimeLeft(1, clock), runs(0.75, 0.0)
    left.start(continued)
    clock.now, continued.progress = 100, 1.0
    left.stop(continued)
    assert left([waiting]).total_seconds() == 400


def test_a_failed_run_says_nothing_of_the_time():
    clock = Clock()
    left, (failed, waiting) = TimeLeft(1, clock), runs(0.0, 0.0)
    left.start(failed)
    clock.now, failed.progress = 1, 0.5
    left.stop(failed)
    assert left([waiting]) is None
