"""Training whose way is free: what it learned is scored on inputs that it has not seen."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from course_lib.grader.judging.bake import load_sheet, save_sheet
from course_lib.grader.judging.key import Case, Exercise, Mistake, call, case
from course_lib.grader.judging.making import bare_sheet, make_sheet
from course_lib.grader.judging.outcome import Outcome
from course_lib.grader.judging.scored import STARTED, only_scored, too_few
from course_lib.grader.judging.terms import Terms
from course_lib.grader.judging.verdict import judge, judge_outcomes

IDS = torch.tensor([[0, 2, 1], [1, 1, 0]])


def fit(inputs, ids, unseen, steps=60, rate=1.0):
    weights = torch.zeros(inputs.shape[-1], 3, requires_grad=True)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(inputs @ weights, ids)
        (slope,) = torch.autograd.grad(loss, weights)
        weights = (weights - rate * slope).detach().requires_grad_()
    return (unseen @ weights).detach()


def ascending(inputs, ids, unseen, steps=60):
    return -fit(inputs, ids, unseen, steps)


def drawn(generator, rows):
    inputs = torch.randn(rows, 5, generator=generator)
    return inputs, inputs[:, :3].argmax(-1)


def cases(generator):
    (inputs, ids), (unseen, target) = drawn(generator, 307), drawn(generator, 211)
    exact = case("three steps", inputs, ids, unseen[:7], steps=3)
    return [exact, case("learns", inputs, ids, unseen, target=target, at_least=0.8)]


EXERCISE = Exercise(
    id="99.fit",
    title="Fit",
    kind="build",
    points=3,
    name="fit",
    cases=cases,
    mistakes=[
        Mistake("no step", fit, {"rate": 0.0}, "nothing is learned", ("one", "two", "three")),
        Mistake("uphill", ascending, {}, "the sign is turned", ("one", "two", "three")),
    ],
)


def scored(sheet):
    return next(i for i, terms in enumerate(sheet.terms) if terms.at_least)


def of_means(inputs, ids, unseen, steps=None):
    """Another way to learn, which gives ids."""
    if steps:
        return fit(inputs, ids, unseen, steps)
    means = torch.stack([inputs[ids == k].mean(0) for k in range(3)])
    return (unseen @ torch.nn.functional.normalize(means, dim=-1).T).argmax(-1)


def lazy(inputs, ids, unseen, steps=None):
    return fit(inputs, ids, unseen, steps) if steps else torch.zeros(len(unseen), dtype=torch.long)


@pytest.mark.parametrize("answer", [fit, of_means])
def test_whoever_learns_passes_by_whatever_way(answer):
    for seed in range(5):
        verdict = judge(make_sheet(EXERCISE, fit, seed), answer)
        assert verdict.state == "right", verdict


def test_who_learns_too_little_is_told_both_shares():
    verdict = judge(make_sheet(EXERCISE, fit, 0), lazy)
    assert verdict.state == "wrong" and verdict.mistake is None
    assert verdict.details[0].endswith("of 211 answers are right, 0.8 are asked for")
    assert verdict.details[1].startswith("all else is right, but too little is learned")
    assert len(verdict.details) == 3, "nothing to guess about what was trained freely"


def test_a_mistake_is_named_by_the_exact_cases():
    sheet = make_sheet(EXERCISE, fit, 0)
    assert judge(sheet, ascending).mistake_name == "uphill"
    tried = [mistake.outcomes[scored(sheet)].values for mistake in sheet.mistakes]
    assert tried == [(), ()], "a mistake would train for nothing"
    assert judge_outcomes(sheet, sheet.mistakes[1].outcomes).mistake_name == "uphill"


def test_the_target_never_leaves_with_the_inputs():
    sheet = bare_sheet(EXERCISE, fit, 0)
    assert all(case.target is None for case in sheet.cases)
    (target,) = sheet.expected[scored(sheet)].values
    assert target.shape == (211,)


def test_a_baked_sheet_judges_alike(tmp_path):
    save_sheet(tmp_path / "99.fit.sheet", make_sheet(EXERCISE, fit, 0))
    sheet = load_sheet(tmp_path / "99.fit.sheet")
    assert judge(sheet, of_means).state == "right"
    assert judge(sheet, lazy).state == "wrong"
    assert judge(sheet, ascending).mistake_name == "uphill"


class Model:
    def train(self, inputs, ids):
        self.data = inputs, ids
        return "done"

    def predict(self, unseen):
        return fit(*self.data, unseen)


class Chatty(Model):
    def train(self, inputs, ids):
        super().train(inputs, ids)
        return [1.5]


@pytest.mark.parametrize(("answer", "state"), [(Model, "right"), (Chatty, "wrong")])
def test_the_last_of_several_calls_is_scored(answer, state):
    def two_calls(generator):
        (inputs, ids), (unseen, target) = drawn(generator, 307), drawn(generator, 211)
        calls = (call(inputs, ids, method="train"), call(unseen, method="predict"))
        exact = Case("what training gives back", calls[:1], init={})
        return [exact, Case("learns", calls, init={}, target=target, at_least=0.8)]

    exercise = replace(EXERCISE, cases=two_calls, mistakes=[], name="Model")
    verdict = judge(make_sheet(exercise, Model, 3), answer)
    assert verdict.state == state
    assert "learns" not in " ".join(verdict.details)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (IDS, ""),
        (torch.nn.functional.one_hot(IDS).float(), ""),
        (IDS.to(torch.int32), ""),
        (torch.tensor([[0, 2, 1], [1, 0, 1]]), "0.667 of 6 answers are right, 0.9 are asked for"),
        (IDS.float(), "expected class ids of shape (2, 3)"),
        (IDS[0], "a tensor of shape (3,)"),
        (torch.full((2, 3, 3), torch.nan), "nan among the results"),
        ([[0, 2, 1], [1, 1, 0]], "a list"),
        (None, "a NoneType"),
    ],
)
def test_what_counts_as_an_answer(found, told):
    said = " ".join(too_few(IDS, found, 0.9))
    assert told in said and bool(said) == bool(told)


@pytest.mark.parametrize("asked", [{"target": IDS}, {"at_least": 0.5}])
def test_a_target_and_a_share_go_together(asked):
    with pytest.raises(ValueError, match=r"case 'x': a target and a share above 0"):
        case("x", **asked)
    with pytest.raises(ValueError, match=r"at_least=1.5"):
        case("x", target=IDS, at_least=1.5)


def test_a_recorded_mistake_is_judged_where_it_was_not_tried():
    sheet = make_sheet(EXERCISE, fit, seed=1)
    known = sheet.mistakes[0]
    verdict = judge_outcomes(sheet, known.outcomes)
    assert verdict.state == "wrong" and verdict.mistake_name == known.name


def test_who_learns_nothing_from_own_first_numbers_is_told():
    cases = [Case("your own first numbers", [call()], init={}, target=IDS, at_least=0.9)]
    terms = [Terms(at_least=0.9)]
    sheet = SimpleNamespace(cases=cases, terms=terms)
    assert only_scored(sheet, [Outcome((None,))], [(0, ())]) == STARTED
