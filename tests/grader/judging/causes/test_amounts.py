"""Counts that are off by a product of what came in."""

import pytest

from course_lib.grader.judging.key import Exercise, case
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.verdict import judge


def right(layers, width, inner):
    return layers * (width * inner + inner)


def cases(generator):
    sizes = ((1, 3, 5), (2, 7, 11), (3, 4, 13), (5, 8, 3))
    return [case(f"{each}", *each) for each in sizes]


SHEET = make_sheet(Exercise("99.x", "T", "predict", 1, "right", cases, ()), right, 0)


@pytest.mark.parametrize(
    "wrong, told",
    [
        (lambda n, w, i: n * w * i, "`layers` · `inner` less than the right one"),
        (lambda n, w, i: n * (w * i + 4 * i), "3 · `layers` · `inner` more than the right one"),
        (lambda n, w, i: right(n, w, i) + w, "is `width` more than the right one"),
        (lambda n, w, i: i, "each wrong number is `inner`, as it came in"),
        (lambda n, w, i: right(n, w, i) - w * i - i, "(`inner` + `width` · `inner`) less"),
    ],
)
def test_by_which_product(wrong, told):
    assert told in " ".join(judge(SHEET, wrong).details)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda n, w, i: right(n, w, i) + (n * 7919) % 31 + w,
        lambda n, w, i: right(n, w, i) + 1,
        lambda n, w, i: float(right(n, w, i) + w),
    ],
)
def test_none_that_is_not_there(wrong):
    assert " · `" not in " ".join(judge(SHEET, wrong).details)
