"""What differs by a hair is told apart from what is kept; odd values stop nothing."""

import pytest
import torch

from course_lib.grader.judging.causes.far import far
from course_lib.grader.judging.terms import Terms

ONES = torch.ones(3)


@pytest.mark.parametrize(
    "want, got, expected",
    [
        (ONES, ONES, False),
        (ONES, ONES + 0.005, False),
        (ONES, ONES + 0.02, True),
        (2.0, 2.01, False),
        (2.0, 3.0, True),
        (ONES, ONES * torch.nan, True),
        (ONES, torch.ones(2), True),
        (ONES, torch.ones(3, 1), True),
        (ONES > 0, ONES < 0, True),
        (ONES > 0, ONES > 0, False),
        (ONES, "three", True),
        ("same", "same", False),
        (None, None, False),
        (ONES, ONES.to_sparse(), True),
        (torch.zeros(0), torch.zeros(0), False),
    ],
)
def test_what_is_far(want, got, expected):
    assert far([want], [got], Terms()) is expected


def test_another_number_of_values_is_far():
    assert far([ONES], [ONES, ONES], Terms()) is True
