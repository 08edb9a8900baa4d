"""A banned name is found wherever an honest learner would write it."""

from dataclasses import replace

import pytest

from course_lib.grader.course.files import sheet_for
from course_lib.grader.judging.bans import banned_name
from course_lib.grader.judging.verdict import judge, without_bans
from course_lib.paths import ROOT

BANS = ("softmax", "MultiheadAttention")


@pytest.mark.parametrize(
    "source",
    [
        "torch.softmax(x, -1)",
        "x.softmax(-1)",
        "import torch.nn.functional as F\nF.softmax(x)",
        "from torch import softmax as s\ns(x)",
        "softmax(x)",
        "class A(nn.MultiheadAttention): pass",
    ],
)
def test_a_banned_name_is_found(source):
    assert banned_name(source, BANS) in BANS


@pytest.mark.parametrize(
    "source", ["x.exp()", "# softmax\n'softmax'", "safe_softmax(x)", "def f(:"]
)
def test_a_text_or_another_name_is_not(source):
    assert banned_name(source, BANS) == ""


def test_right_values_by_a_banned_name_are_not_right_yet():
    sheet = replace(sheet_for(ROOT, "00.scores"), bans=("matmul",))
    right = judge(sheet, lambda query, keys: keys @ query)
    assert without_bans(sheet, right, "keys @ query") == right
    told = without_bans(sheet, right, "torch.matmul(keys, query)")
    assert (told.state, told.points) == ("wrong", 0) and "without `matmul`" in told.summary
