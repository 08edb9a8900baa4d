"""A default that isn't the text's: told by the calls that go wrong, without a name for it."""

import torch

from course_lib.grader.judging.key import Exercise, case
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.verdict import judge

TOLD = "only calls that leave `times` out go wrong"


def right(x, times=2):
    return (x + 1) ** times


def cases(generator):
    drawn = [torch.randn(3, n, generator=generator) for n in (2, 5, 7)]
    return [
        case("as it is", drawn[0]),
        case("named", drawn[1], times=3),
        case("in order", drawn[2], 1),
    ]


def told(answer):
    made = make_sheet(Exercise("99.x", "T", "code", 1, "right", cases, ()), right, 0)
    return " ".join(judge(made, answer).details)


def test_another_default():
    assert TOLD in told(lambda x, times=3: right(x, times))


def test_wrong_elsewhere_as_well():
    assert TOLD not in told(lambda x, times=3: right(x, times) + torch.tensor(1.0))


def test_wrong_at_one_that_is_named():
    assert TOLD not in told(lambda x, times=2: right(x, times) if times < 3 else x.cos())
