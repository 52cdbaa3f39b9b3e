"""The time that a queue still takes, worked by hand on a clock of our own."""

from types import SimpleNamespace

import pytest

from bundle.experiments import TimeLeft


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
