"""A check leaves the learner's session as it was, and says what grading would not wait for."""

import sys
import time
from dataclasses import replace

import pytest
import torch

from course_lib.grader.course import checking
from course_lib.grader.course.checking import verdict_on
from course_lib.grader.course.files import exercises, load_solution
from course_lib.paths import ROOT


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


def test_a_check_runs_on_one_thread_and_gives_the_others_back(threads):
    seen = []

    def scores(query, keys):
        seen.append(torch.get_num_threads())
        return keys @ query

    assert verdict_on(ROOT, "00.scores", scores).state == "right"
    assert set(seen) == {1} and torch.get_num_threads() == threads


def test_threads_come_back_when_a_learner_interrupts_a_check(threads):
    def stopped(query, keys):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict_on(ROOT, "00.scores", stopped)
    assert torch.get_num_threads() == threads


@pytest.fixture
def wide():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_a_default_dtype_of_the_session_makes_no_right_answer_wrong(wide):
    shapes = []

    def scores(query, keys):
        shapes.append(torch.ones(1).dtype)
        return keys @ query

    assert verdict_on(ROOT, "00.scores", scores).state == "right"
    assert set(shapes) == {torch.float32} and torch.get_default_dtype() == torch.float64

    def own_numbers(query, keys):
        if torch.ones(1).dtype != torch.float64:
            raise RuntimeError("my cells ask for float64")
        return keys @ query

    assert verdict_on(ROOT, "00.scores", own_numbers).state == "right"
    solution = load_solution(ROOT, next(e for e in exercises(ROOT) if e.id == "13.gpt"))
    assert verdict_on(ROOT, "13.gpt", solution).state == "right"


def test_an_answer_for_which_grading_would_not_wait_is_told(monkeypatch):
    def scores(query, keys):
        return keys @ query

    assert verdict_on(ROOT, "00.scores", scores).notes == ()
    find = checking.sheet_for
    monkeypatch.setattr(checking, "sheet_for", lambda *told: replace(find(*told), seconds=0.0))
    (note,) = verdict_on(ROOT, "00.scores", scores).notes
    assert "its calls may take 0 s of processor time; here they took" in note
    assert verdict_on(ROOT, "00.scores", my_scores).notes == ()  # the time is not the answer's own


def test_an_answer_that_waits_longer_than_grading_would_is_told(monkeypatch):
    def scores(query, keys):
        time.sleep(0.01)
        return keys @ query

    find = checking.sheet_for
    monkeypatch.setattr(checking, "sheet_for", lambda *told: replace(find(*told), wall=0.01))
    (note,) = verdict_on(ROOT, "00.scores", scores).notes
    assert "it may take 0.01 s by the clock; here its calls took" in note


def my_scores(query, keys):
    """A wrong answer at the top of a module, as in a notebook."""
    return keys @ query + 1


def test_the_failing_case_calls_the_answer_by_the_name_that_the_learner_has_for_it():
    verdict = verdict_on(ROOT, "00.scores", my_scores)
    assert verdict.case.splitlines()[-1] == "my_scores(query, keys)"


@pytest.mark.parametrize(
    "line",
    [
        "sys.stdout.buffer.write(b'seen')",
        "sys.stdout.reconfigure(line_buffering=True); print('seen')",
        "sys.stdout.fileno(); sys.stdout.flush(); print('seen')",
        "print('seen', sys.stdout.encoding, '\\ud800')",
    ],
)
def test_an_answer_may_use_all_of_standard_output(line):
    space = {"sys": sys}
    for times in (1, 2):
        source = (
            f"import sys\ndef scores(query, keys):\n    {line}\n    return {times} * keys @ query"
        )
        exec(source, space)
        found = verdict_on(ROOT, "00.scores", space["scores"])
        assert found.state == ("right" if times == 1 else "wrong") and not found.crash
    assert "seen" in " ".join(found.details)
