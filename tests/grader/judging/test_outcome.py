"""What is recorded of a call besides its value: whether the answer printed something."""

import sys

import pytest
import torch

from course_lib.grader.judging.cases import Case, call, case
from course_lib.grader.judging.outcome import ITSELF, run_case


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


class Shared(torch.nn.Module):
    """Two names for one part, of which the second one's weights are loaded last."""

    def __init__(self):
        super().__init__()
        self.first = self.second = torch.nn.Linear(2, 2, bias=False)

    def forward(self, x):
        return self.second(self.first(x))


def test_one_part_under_two_names_is_not_edited_in_place():
    state = {"first.weight": torch.eye(2), "second.weight": 3 * torch.eye(2)}
    outcome = run_case(Shared, Case("shared", [call(torch.ones(1, 2))], {}, state))
    assert outcome.values[0].tolist() == [[9.0, 9.0]]
    assert outcome.changed == ()


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
