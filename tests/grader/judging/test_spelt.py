"""A failing case as code gives the very same inputs again."""

import pytest
import torch

from course_lib.grader.judging.cases import Case, call, case
from course_lib.grader.judging.spelt import MOST, by_own_name, spelt
from course_lib.grader.judging.trees import identical

NAMES = {"__call__": ("x", "mask", "k")}
inf, nan = torch.inf, torch.nan
VALUES = {
    "float32": torch.tensor([[0.1, 1 / 3, -2.857142857], [inf, -inf, nan]]),
    "float64": torch.tensor([1 / 3, 1e-300, inf], dtype=torch.float64),
    "float16": torch.tensor([1 / 3, 65504.0, 6e-8], dtype=torch.float16),
    "bfloat16": torch.tensor([1 / 3, 3e38], dtype=torch.bfloat16),
    "ids": torch.tensor([[3, 5], [7, 11]]),
    "short ids": torch.tensor([3, 5], dtype=torch.int32),
    "a mask": torch.tensor([[True, False]]),
    "a single number": torch.tensor(0.7),
    "nothing": torch.empty(0, 5),
    "no ids": torch.empty(3, 0, dtype=torch.int64),
    "plain numbers": (7, -0.3, inf, True, None),
    "one": (2.5,),
    "nested": {"a": [1, (2.0, "it's")], 3: torch.tensor([1.5])},
}


def seen(lines, **more):
    """What a function of this name is called with when the lines run."""
    calls = []
    names = {"torch": torch, "answer": lambda *a, **k: calls.append((a, k))} | more
    exec(lines, names)
    return calls


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_the_lines_give_the_same_inputs(value):
    lines = spelt("answer", NAMES, case("", value, k=3))
    [(given, named)] = seen(lines)
    assert identical((value,), given) and named == {"k": 3}


def test_calls_follow_each_other():
    two = Case("", (call(torch.tensor([1.0])), call(torch.tensor([2.0]), torch.tensor([True]))))
    lines = spelt("answer", NAMES, two)
    assert lines.splitlines()[:2] == ["x = torch.tensor([1.0])", "answer(x)"]
    assert [len(given) for given, _ in seen(lines)] == [1, 2]


@pytest.mark.parametrize(
    "other",
    [
        case("many numbers", torch.zeros(MOST + 1)),
        case("a function", len),
        case("a generator", torch.Generator()),
        case("more than the reference has parameters", 1, 2, 3, 4),
        Case("an object", (call(torch.zeros(2)),), init={"d_model": 3}),
        Case("weights", (call(torch.zeros(2)),), state={"w": torch.zeros(1)}),
        Case("a method", (call(torch.zeros(2), method="step"),)),
    ],
    ids=lambda each: each.label,
)
def test_no_lines_for(other):
    assert spelt("answer", NAMES, other) == ""


def test_no_lines_where_an_input_has_the_name_of_the_function():
    assert spelt("mask", NAMES, case("", 1, 2)) == ""
    assert spelt("mask", NAMES, case("", 1)) == "x = 1\nmask(x)"


def my_answer(*args, **kwargs):
    """Of another name than the exercise gives it."""


def x(*args, **kwargs):
    """Named as an input is: its lines would hide it."""


def timed(function):
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def test_the_lines_call_the_answer_by_its_own_name():
    lines = spelt("answer", NAMES, case("", 3, k=5))
    renamed = by_own_name(lines, "answer", my_answer)
    assert renamed.splitlines()[-1] == "my_answer(x, k=k)"
    assert by_own_name(lines, "answer", lambda x: x) == lines
    assert by_own_name(lines, "answer", timed(my_answer)) == lines  # nobody can call `inner`
    assert by_own_name(lines, "answer", x) == lines
