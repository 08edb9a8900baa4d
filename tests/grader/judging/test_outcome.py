"""What is recorded of a call besides its value: whether the answer printed something."""

import sys

import pytest

from course_lib.grader.judging.cases import case
from course_lib.grader.judging.outcome import run_case


def test_what_an_answer_prints_is_heard_and_still_shown(capsys):
    assert run_case(lambda x: print("seen", x), case("some", 7)).printed
    assert capsys.readouterr().out == "seen 7\n"
    assert not run_case(lambda x: x, case("some", 7)).printed
    assert not run_case(lambda x: print(), case("some", 7)).printed
    assert run_case(lambda x: print(1) or 1 / 0, case("some", 7)).printed


@pytest.mark.parametrize("more", [{}, {"flush": True}])
def test_an_answer_may_print_where_there_is_no_standard_output(monkeypatch, more):
    monkeypatch.setattr(sys, "stdout", None)
    outcome = run_case(lambda x: print(x, **more), case("some", 7))
    assert outcome.raised is None and outcome.printed
