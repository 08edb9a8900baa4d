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


def with_one_that_needs_none(generator):
    """Twelve cases name it; of five that don't, one has nothing to which it would matter."""
    drawn = [torch.randn(3, n, generator=generator) for n in range(1, 17)]
    named = [case(f"named {i}", x, times=2 + i % 3) for i, x in enumerate(drawn[:12])]
    return [*named, *(case(f"as it is {i}", x) for i, x in enumerate(drawn[12:])), *NOTHING]


NOTHING = [case("nothing", torch.zeros(3, 2))]


def test_one_agrees_where_the_default_does_not_matter():
    made = Exercise("99.x", "T", "code", 1, "right", with_one_that_needs_none, ())
    verdict = judge(make_sheet(made, right, 0), lambda x, times=3: right(x, times))
    assert TOLD in " ".join(verdict.details)
