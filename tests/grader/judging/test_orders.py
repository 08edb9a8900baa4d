"""Objects made by the order of their arguments: a signature that only fits by name is wrong."""

import pytest
import torch
from torch import nn

from course_lib.grader.judging.key import Case, Exercise, call
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.orders import made_by_order
from course_lib.grader.judging.verdict import judge


class Scaled(nn.Module):
    def __init__(self, width, factor=2.0, shift=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.factor, self.shift = factor, shift

    def forward(self, x):
        return x * self.weight * self.factor + self.shift


class Exchanged(Scaled):
    def __init__(self, width, shift=0.0, factor=2.0):
        super().__init__(width, factor, shift)


class AnyName(Scaled):
    """Right: the text's signature by another spelling."""

    def __init__(self, width, *rest, **named):
        super().__init__(width, *rest, **named)


def cases(generator):
    def tried(label, **init):
        return Case(label, [call(torch.rand(init["width"], generator=generator))], init=init)

    return [
        tried("usual", width=2),
        tried("shifted", width=3, shift=0.5),
        tried("wider", width=5),
        tried("shifted down", width=2, shift=-1.5),
        tried("wider still", width=7),
    ]


def test_every_second_case_of_the_same_arguments_gives_them_by_order():
    made = list(made_by_order(Scaled, cases(torch.Generator())))
    assert [case.by_order for case in made] == [False, False, True, True, False]
    assert made[2].init == {"width": 5} and made[2].label == "wider; made as Scaled(5)"
    assert list(made[3].init.items()) == [("width", 2), ("factor", 2.0), ("shift", -1.5)]


@pytest.mark.parametrize("answer", [Scaled, AnyName, Exchanged], ids=lambda a: a.__name__)
def test_only_the_order_of_the_text_passes(answer):
    sheet = make_sheet(Exercise("99.order", "T", "build", 1, "Scaled", cases, ()), Scaled, seed=1)
    verdict = judge(sheet, answer)
    assert verdict.state == ("wrong" if answer is Exchanged else "right"), verdict
    if answer is Exchanged:
        assert "shifted down; made as Scaled(2, 2.0, -1.5)" in verdict.details[-1]


def test_functions_and_what_has_no_place_stay_as_they_are():
    def by_name(*, width):
        return Scaled(width)

    plain = [Case("a", [call(1)]), Case("b", [call(2)])]
    assert list(made_by_order(abs, plain)) == plain
    named = [Case("a", [call(1)], init={"width": 1}), Case("b", [call(2)], init={"width": 2})]
    assert list(made_by_order(by_name, named)) == named
