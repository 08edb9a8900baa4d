"""One student's sleeping answers don't hold up the class."""

from pathlib import Path

import pytest
from handed_in import notebook

from course_lib.grader.book import patience
from course_lib.grader.book.one_student import Task, grade_student
from course_lib.grader.book.patience import CUTTING, LEFT, SHORT, Patient
from course_lib.grader.running.seal import reachable
from course_lib.grader.running.warm import Limits, Report
from course_lib.paths import ROOT

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


def test_cutting_up_is_counted_by_itself_and_by_what_the_system_tells():
    patient = Patient(Recorded(Report(b"frame", b"", seconds=9.0, cpu=7.0)))
    for _ in range(int(CUTTING // 7) + 1):
        patient.cut(b"job", LIMITS)
    with pytest.raises(ValueError, match="all of a student's time, 60 seconds of processor time"):
        patient.cut(b"job", LIMITS)
    assert patient.left == LEFT and patient.run(b"job", LIMITS).frame
    told_by_clock = Patient(Recorded(FINE))
    told_by_clock.cut(b"job", LIMITS)
    assert told_by_clock.cutting == CUTTING - FINE.seconds


def test_what_is_long_to_cut_up_costs_its_student_the_rest_and_nobody_else(tmp_path, monkeypatch):
    scores = ("def scores(query, keys):\n    return keys @ query", "00.scores")
    project = ("def cost(n, d):\n    return 1", "02.cost")
    for name in ("ada", "bob"):
        (tmp_path / name).mkdir()
        notebook(tmp_path / name / "mine.ipynb", scores, project)
    monkeypatch.setattr(patience, "CUTTING", 1e-6)
    for name in ("ada", "bob"):
        task = Task(ROOT, tmp_path / name, ("00", "02"), 7, reachable()[0])
        rows = {row["exercise"]: row for row in grade_student(task)[0]}
        assert rows["00.scores"]["verdict"] == "right"
        told = rows["02.cost"]["summary"]
        assert told.startswith("`mine.ipynb`: what was cut up before took all of a student's time")
