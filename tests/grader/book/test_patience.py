"""One student's sleeping answers don't hold up the class."""

from pathlib import Path

from course_lib.grader.book.patience import LEFT, SHORT, Patient
from course_lib.grader.running.warm import Limits, Report

LIMITS = Limits(seconds=7.0, wall=31.0)
FINE, SLEPT = Report(b"frame", b"", seconds=29.0), Report(b"", b"", timed_out=True, seconds=31.0)
LOOPED = Report(b"", b"", signal=24, seconds=7.5)


class Recorded:
    """Gives one report each time and keeps the limits that it was given."""

    root = Path("course")

    def __init__(self, report):
        self.report, self.limits = report, []

    def run(self, job, limits):
        self.limits.append(limits)
        return self.report


def given(report, times):
    recorded = Recorded(report)
    patient = Patient(recorded)
    for _ in range(times):
        assert patient.run(b"job", LIMITS) is report
    return recorded.limits


def test_answers_that_sleep_are_soon_ended_earlier():
    before = int(LEFT // SLEPT.seconds) + 1
    limits = given(SLEPT, before + 3)
    assert limits[:before] == [LIMITS] * before
    assert [each.wall for each in limits[before:]] == [LIMITS.seconds + SHORT] * 3
    assert {each.seconds for each in limits} == {LIMITS.seconds}


def test_endless_loops_count_too():
    assert given(LOOPED, 20)[-1].wall == LIMITS.seconds + SHORT


def test_slow_answers_that_end_may_be_as_many_as_they_like():
    assert set(given(FINE, 50)) == {LIMITS}


def test_a_shorter_limit_of_the_key_stays():
    patient = Patient(Recorded(SLEPT), left=0.0)
    patient.run(b"job", Limits(seconds=5.0, wall=3.0))
    assert patient.runner.limits[0].wall == 3.0


def test_a_child_that_died_silently_counts_its_limit():
    patient = Patient(Recorded(Report(b"", b"", timed_out=True)))
    patient.run(b"job", LIMITS)
    assert patient.left == LEFT - LIMITS.wall
