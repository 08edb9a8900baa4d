"""Which cells of a learner's notebook run, and what happens when one of them fails."""

from dataclasses import replace

import nbformat
import pytest

from course_lib.grader.course import spent, submission
from course_lib.grader.course.submission import answers
from course_lib.grader.running.warm import Limits
from course_lib.paths import ROOT

CODE = nbformat.v4.new_code_cell
ID = "00.safe-softmax"
RIGHT = "def safe_softmax(x):\n    return torch.softmax(x, -1)"


def notebook(tmp_path, *cells):
    path = tmp_path / "00_start_here.ipynb"
    made = nbformat.v4.new_notebook()
    for source, *tags in cells:
        made.cells.append(CODE(source, metadata={"tags": tags}))
    nbformat.write(made, path)
    return path


def only(tmp_path, *cells):
    return next(answers(ROOT, notebook(tmp_path, *cells), [ID]))


def test_a_tagged_answer_is_judged(tmp_path):
    assert only(tmp_path, ("import torch", "setup"), (RIGHT, ID)).state == "right"


def test_a_lost_tag_falls_back_to_the_name(tmp_path):
    assert only(tmp_path, ("import torch",), (RIGHT,)).state == "right"


def test_cells_the_learner_added_run_and_the_courses_own_checks_do_not(tmp_path):
    boom = "raise RuntimeError('this cell must not run')"
    helper = "axis = -1"
    uses = RIGHT.replace("-1", "axis")
    cells = ("import torch", "setup"), (helper,), (uses, ID), (boom, "check"), (boom, "demo")
    assert only(tmp_path, *cells).state == "right"


def test_a_definition_that_stops_shows_the_learners_line(tmp_path):
    source = "def safe_softmax(x, dim=[][0]):\n    return torch.softmax(x, -1)"
    verdict = only(tmp_path, ("import torch", "setup"), (source, ID))
    assert (verdict.state, verdict.summary) == ("crashed", "its cell stopped")
    assert verdict.crash[0].startswith("IndexError")
    assert verdict.crash[1].endswith("line 1: def safe_softmax(x, dim=[][0]):")


def test_a_wrong_answer_says_which_needed_cell_stopped(tmp_path):
    cells = ("import torch", "setup"), ("import none_such as t",), (RIGHT.replace("torch", "t"), ID)
    verdict = only(tmp_path, *cells)
    told = " ".join(verdict.details)
    assert "cell 2 stopped: ModuleNotFoundError: No module named 'none_such'" in told
    assert "line 1: import none_such as t" in told


LOST = {
    "a helper beside a broken line": "def half(x):\n    return x\naxis = = 1",
    "a broken helper": "def half(x:\n    return x\n",
    "a constant": "half = abs\naxis = = 1",
    "an import": "from math import sqrt as half\naxis = = 1",
}


@pytest.mark.parametrize("kind", LOST)
def test_a_cell_that_python_cannot_read_and_an_answer_needs_is_named(tmp_path, kind):
    cells = ("import torch", "setup"), (LOST[kind],), (RIGHT.replace("(x, ", "(half(x), "), ID)
    (told,) = (each for each in only(tmp_path, *cells).details if "can't read" in each)
    assert told.startswith("Python can't read cell 2, so nothing that it defines is there: Syntax")
    assert f"line {'1' if 'broken helper' in kind else LOST[kind].count(chr(10)) + 1})" in told


def test_a_cell_that_python_cannot_read_and_no_answer_needs_is_not(tmp_path):
    other = "def whole(x):\n    return x\naxis = = 1"
    wrong = only(tmp_path, ("import torch", "setup"), (other,), (RIGHT.replace("-1", "0"), ID))
    assert wrong.state == "wrong" and not any("can't read" in each for each in wrong.details)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"wall": 0.1}, "cells and calls may take 0.1 s by the clock; here cells took"),
        (
            {"prepare": 0.0},
            "may take 0 s of processor time; here they took",
        ),
        ({}, ""),
    ],
)
def test_cells_for_which_grading_would_not_wait_are_told(tmp_path, monkeypatch, limits, told):
    monkeypatch.setattr(spent, "USUAL", Limits(prepare=limits.get("prepare", 15.0)))
    find, wall = submission.sheet_for, limits.get("wall", 30.0)
    monkeypatch.setattr(submission, "sheet_for", lambda *which: replace(find(*which), wall=wall))
    slow = "import time\ndef later():\n    time.sleep(0.2)\n    return -1\naxis = later()"
    cells = ("import torch", "setup"), (slow,), (RIGHT.replace("-1", "axis"), ID)
    verdict = only(tmp_path, *cells)
    assert verdict.state == "right" and told in " ".join(verdict.notes)
    assert len(verdict.notes) == bool(told)


def test_it_says_which_definition_was_judged(tmp_path):
    wrong = RIGHT.replace("-1", "0")
    verdict = only(tmp_path, ("import torch", "setup"), (wrong,), (RIGHT, ID), ("safe_softmax",))
    assert verdict.where == "cell 3, `def safe_softmax(x):`; also in cell 2"


def test_a_syntax_error_is_the_learners_to_see(tmp_path):
    verdict = only(tmp_path, ("def safe_softmax(x:\n    return x", ID))
    assert verdict.state == "crashed" and verdict.crash[0].startswith("SyntaxError")


def test_a_failing_cell_costs_only_what_it_defines(tmp_path):
    cells = ("import torch", "setup"), ("1 / 0",), (RIGHT, ID)
    assert only(tmp_path, *cells).state == "right"


def test_magics_and_shell_lines_are_passed_over(tmp_path):
    cells = ("%matplotlib inline\n!ls\nimport torch", "setup"), (RIGHT, ID)
    assert only(tmp_path, *cells).state == "right"


def test_nothing_defined_is_not_attempted(tmp_path):
    verdict = only(tmp_path, ("import torch", "setup"))
    assert verdict.state == "not attempted" and "defines `safe_softmax`" in verdict.summary


def test_an_unknown_exercise_lists_those_there_are():
    with pytest.raises(KeyError, match=r"no exercise '00.nothing'; there are: .*00\.safe-softmax"):
        list(answers(ROOT, ROOT / "solutions" / "00_start_here.py", ["00.nothing"]))


@pytest.mark.parametrize("answer", ["1 / 0\nsafe_softmax = nothing", "safe_softmax = 7"])
def test_an_answer_that_never_came_about_has_hints_and_a_solution(tmp_path, answer):
    told = only(tmp_path, ("import torch",), (answer, ID))
    assert told.state in ("crashed", "wrong") and told.hints and "def safe_softmax" in told.solution


def test_a_sum_of_thousands_in_a_cell_of_ones_own_costs_nothing(tmp_path):
    long = "told = " + " + ".join(['"a line"'] * 2000)
    assert only(tmp_path, ("import torch",), (long,), (RIGHT, ID)).state == "right"
