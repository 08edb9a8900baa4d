"""What a sheet knows of mistakes is found out only when an answer may be one."""

import torch

from course_lib.grader.judging.key import Exercise, Mistake, case
from course_lib.grader.judging.later import Later
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.verdict import judge


def test_a_row_is_made_at_the_first_look_and_only_then(capsys):
    made = []

    def make():
        print("working")
        made.append(1)
        return "ab"

    row = Later(make)
    assert made == []
    assert (list(row), len(row), row[1]) == (["a", "b"], 2, "b")
    assert made == [1] and capsys.readouterr().out == ""


def test_a_right_answer_runs_no_mistake_and_a_wrong_one_is_named():
    ran = []

    def negated(x):
        ran.append(1)
        return -x

    known = Mistake("negated", negated, {}, "the sign is the other one", ("a", "b", "c"))

    def cases(generator):
        return [case("a", torch.rand(3, generator=generator))]

    exercise = Exercise("99.twice", "T", "code", 1, "twice", cases, [known])
    sheet = make_sheet(exercise, lambda x: 2 * x, 0)
    assert judge(sheet, lambda x: x + x).state == "right" and ran == []
    assert judge(sheet, lambda x: 0 - x).mistake_name == "negated" and ran


def test_a_default_dtype_that_an_answer_sets_spoils_no_mistake():
    def halves(n):
        return torch.arange(n) / 2

    def thirds(n):
        return torch.arange(n) / 3

    def spoiling(n):
        torch.set_default_dtype(torch.float64)
        return torch.arange(n) / 5

    known = Mistake("thirds", thirds, {}, "three parts are made, not two", ("a", "b", "c"))
    exercise = Exercise("99.halves", "T", "code", 1, "n", lambda generator: [case("a", 4)], [known])
    sheet = make_sheet(exercise, halves, 0)
    assert judge(sheet, spoiling).state == "wrong"
    assert torch.get_default_dtype() == torch.float32
    assert judge(sheet, lambda n: torch.arange(n) / 3).mistake_name == "thirds"
