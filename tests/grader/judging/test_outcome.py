"""What is recorded of a call besides its value: whether the answer printed something."""

import enum
import sys

import pytest
import torch

from course_lib.grader.course.checking import verdict_on
from course_lib.grader.judging.cases import Case, call, case
from course_lib.grader.judging.edits import edited
from course_lib.grader.judging.frames import pack, unpack
from course_lib.grader.judging.outcome import ITSELF, run_case
from course_lib.paths import ROOT


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


def test_a_module_can_be_sent_into_training():
    """`train` returns the module, which no sheet can hold."""
    calls = [call(method="train"), call(torch.ones(2)), call(method="eval"), call(torch.ones(2))]
    given = Case("both modes", calls, init={"p": 1.0}, state={})
    assert run_case(torch.nn.Dropout, given).values[::2] == (ITSELF, ITSELF)
    lost, kept = run_case(torch.nn.Dropout, given).values[1::2]
    assert lost.tolist() == [0.0, 0.0] and kept.tolist() == [1.0, 1.0]


def test_weights_that_do_not_fit_are_told_by_name():
    weights = {"weight": torch.ones(3, 2), "scale": torch.ones(1)}
    given = Case(
        "names", [call(torch.ones(2))], init={"in_features": 2, "out_features": 5}, state=weights
    )
    told = run_case(torch.nn.Linear, given).crash[0]
    assert "missing: scale; not asked for: bias; weight is (5, 2), not (3, 2)" in told


class Twice(torch.nn.Module):
    """Two layers, or one layer under two names, and a table of its own that learns nothing."""

    def __init__(self, shared):
        super().__init__()
        self.first = torch.nn.Linear(2, 2, bias=False)
        self.second = self.first if shared else torch.nn.Linear(2, 2, bias=False)
        self.register_buffer("steps", torch.arange(3))

    def forward(self, x):
        return self.second(self.first(x))

    def train_by_one(self):
        loss = self(torch.ones(2)).sum()
        torch.optim.SGD(self.parameters(), lr=0.1).zero_grad()
        loss.backward()
        torch.optim.SGD(self.parameters(), lr=0.1).step()
        return [loss]


def two_layers(shared, **more):
    weights = {"first.weight": torch.eye(2), "second.weight": torch.ones(2, 2)}
    return Case("two", [call(**more)], init={"shared": shared}, state=weights)


def test_a_buffer_of_ones_own_is_no_weight_too_many():
    """A mask made once learns nothing, so nobody has to hand it in."""
    outcome = run_case(Twice, two_layers(False, x=torch.ones(2)))
    assert outcome.raised is None and outcome.values[0].tolist() == [2.0, 2.0]


class Masked(torch.nn.Linear):
    """A layer with a mask of its own."""

    def __init__(self, *sizes):
        super().__init__(*sizes, bias=False)
        self.register_buffer("mask", torch.ones(2))


def test_a_buffer_of_a_part_under_two_names_is_none_too_many_either(monkeypatch):
    monkeypatch.setattr(torch.nn, "Linear", lambda *sizes, bias: Masked(*sizes))
    found = run_case(Twice, two_layers(True, x=torch.ones(2)))
    assert found.raised is None and found.changed == ("first.weight is second.weight",)


def test_one_part_under_two_names_is_told_by_both():
    right = run_case(Twice, two_layers(False, x=torch.ones(2)))
    found = run_case(Twice, two_layers(True, x=torch.ones(2)))
    assert right.changed == ()
    assert found.changed == ("first.weight is second.weight",)
    assert edited(right, found)[0].startswith("first.weight and second.weight are one")


def test_a_loss_with_its_graph_may_come_back_after_a_step():
    """Nothing leads back to weights that have moved, so no gradient is asked for."""
    outcome = run_case(Twice, two_layers(False, method="train_by_one"))
    assert outcome.raised is None and outcome.values[0][0].item() == 4.0
    assert set(outcome.gradients[0].values()) == {None}


def test_parameters_that_a_training_replaces_are_those_that_gradients_reach():
    class Halved(torch.nn.Linear):
        def halve(self):
            self.weight = torch.nn.Parameter(self.weight.detach() / 2)

    given = Case(
        "replaced",
        [call(method="halve"), call(torch.ones(1))],
        init={"in_features": 1, "out_features": 1, "bias": False},
        state={"weight": torch.ones(1, 1)},
    )
    outcome = run_case(Halved, given)
    assert outcome.gradients[1]["weight"].tolist() == [[0.5]] and outcome.changed == ("weight",)


class Spoken(str):
    def __repr__(self):
        raise ValueError("no words")


class Axis(enum.IntEnum):
    LAST = 3


HARDLY_COMPARED = {
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2)]),
    "sparse": lambda: torch.ones(2, 3).to_sparse(),
    "eight bits": lambda: torch.ones(2, 3).to(torch.float8_e4m3fn),
    "complex halves": lambda: torch.zeros(2, dtype=torch.complex32),
    "bits": lambda: torch.zeros(2, dtype=torch.uint8).view(torch.bits8),
    "a long number": lambda: 10**5000,
    "a long number below zero": lambda: (-(10**400), 1),
    "an heir of texts": lambda: Spoken("x"),
}


@pytest.mark.filterwarnings("ignore")  # PyTorch calls some of these prototypes
@pytest.mark.parametrize("name", HARDLY_COMPARED)
def test_whatever_comes_back_is_told_and_fits_a_report(name):
    outcome = run_case(lambda *sizes, **named: HARDLY_COMPARED[name](), case("some", 7))
    assert outcome.raised is None
    assert unpack(pack(outcome.values)) == outcome.values
    for id in ("02.cost", "02.attention-weights"):
        told = verdict_on(ROOT, id, lambda *sizes, **named: HARDLY_COMPARED[name]())
        assert told.state == "wrong" and told.details


def test_an_heir_of_a_number_is_that_number():
    (value,) = run_case(lambda x: (Axis.LAST, True), case("some", 7)).values
    assert value == (3, True) and [type(each) for each in value] == [int, bool]
