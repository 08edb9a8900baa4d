"""What no single call shows: weights that learn nothing, and what is kept between calls."""

import pytest
import torch
from torch import nn

from course_lib.grader.judging.again import AGAIN, TRAINING
from course_lib.grader.judging.key import Case, Exercise, Mistake, call, case
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.verdict import judge


class Layer(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.table = nn.Parameter(torch.empty(n_out, n_in))
        self.seen = {}

    def forward(self, x):
        return x @ self.table.T


class Detached(Layer):
    def forward(self, x):
        return x @ self.table.data.T


class Silent(Layer):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class CachedByShape(Layer):
    def forward(self, x):
        if x.shape not in self.seen:
            self.seen[x.shape] = super().forward(x)
        return self.seen[x.shape]


class CachedOnce(Layer):
    def forward(self, x):
        ones = self.seen.setdefault("ones", torch.ones(len(x), 1))
        return super().forward(x) * (ones if len(ones) == len(x) else 0.0)


class Edits(Layer):
    def forward(self, x):
        result = super().forward(x)
        self.table.data *= 0.5
        return result


def layer_cases(generator):
    def drawn(*shape):
        return torch.randn(*shape, generator=generator)

    def tried(label, n_in, n_out, rows):
        init, state = {"n_in": n_in, "n_out": n_out}, {"table": drawn(n_out, n_in)}
        return Case(label, [call(drawn(rows, n_in))], init, state)

    return [tried("two rows", 3, 5, 2), tried("more rows", 3, 5, 7), tried("wider", 11, 2, 1)]


LAYER = Exercise("99.layer", "A layer", "code", 1, "Layer", layer_cases, ())
SHEET = make_sheet(LAYER, Layer, 0)


@pytest.mark.parametrize("wrong", [Detached, Silent])
def test_weights_that_cannot_learn_are_found(wrong):
    verdict = judge(SHEET, wrong)
    assert verdict.state == "wrong"
    assert verdict.details[0].startswith("the values agree, but no gradient flows back to")


@pytest.mark.parametrize("wrong", [CachedByShape, CachedOnce, Edits])
def test_what_an_object_keeps_between_calls_is_found(wrong):
    assert judge(SHEET, Layer).state == "right"
    verdict = judge(SHEET, wrong)
    assert verdict.state == "wrong"
    assert "keep from one call to the next" in verdict.details[0] or wrong is Edits


def test_weights_changed_in_place_are_told():
    assert "changed its input in place (table)" in " ".join(judge(SHEET, Edits).details)


def test_a_module_is_called_with_other_values_and_with_other_sizes():
    again = SHEET.cases[-1]
    assert again.label == f"{TRAINING}: two rows"
    one, same_size, other_size, last = [c.args[0] for c in again.calls]
    assert torch.equal(one, last) and one.shape == same_size.shape != other_size.shape
    assert not torch.equal(one, same_size)


class Hides(Layer):
    share = 0.5

    def forward(self, x):
        return nn.functional.dropout(super().forward(x), self.share, self.training)


class HidesAll(Hides):
    share = 1.0


@pytest.mark.parametrize("wrong", [Hides, HidesAll])
def test_a_dropout_that_nobody_asked_for_is_found(wrong):
    verdict = judge(SHEET, wrong)
    assert verdict.state == "wrong"
    assert "not in training mode" in verdict.details[0]


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_dropout_that_is_asked_for_is_called_again_in_evaluation_mode(share):
    asked = type("Asked", (Hides,), {"share": share})
    sheet = make_sheet(LAYER, asked, 0)
    assert sheet.cases[-1].label == f"{AGAIN}: two rows"
    assert judge(sheet, asked).state == "right"


def test_a_dropout_in_a_later_call_is_not_taken_for_something_kept():
    """The first call is right: only one of two methods has the dropout."""

    class Two(Layer):
        def other(self, x):
            return 2 * super().forward(x)

    class HidesInOne(Two):
        def other(self, x):
            return nn.functional.dropout(super().other(x), 0.5, self.training)

    class Keeps(Two):
        def other(self, x):
            self.seen["last"] = self.seen.get("last", 1.0) + 1
            return super().other(x) * (1.0 if self.seen["last"] == 2 else 0.5)

    def cases(generator):
        init, table = {"n_in": 6, "n_out": 5}, torch.rand(5, 6, generator=generator)
        drawn = [torch.rand(n, 6, generator=generator) for n in (3, 4)]
        calls = [[call(x), call(x, method="other")] for x in drawn]
        return [Case(f"{i}", each, init, {"table": table}) for i, each in enumerate(calls)]

    sheet = make_sheet(Exercise("99.two", "T", "build", 1, "Two", cases, ()), Two, 0)
    assert judge(sheet, Two).state == "right"
    assert "not in training mode" in judge(sheet, HidesInOne).details[0]
    assert "keep from one call" in judge(sheet, Keeps).details[0]


def test_what_is_kept_is_no_dropout():
    """Though the case is one in training mode."""
    assert "keep from" in judge(SHEET, CachedByShape).details[0]


def test_what_one_of_several_methods_keeps_is_found():
    """Also where the smallest cases don't call it, and each case has sizes of its own."""

    class Trained(Layer):
        def fit(self, steps):
            return [0.5] * steps

    class Collects(Trained):
        def fit(self, steps):
            self.losses = [*getattr(self, "losses", []), *super().fit(steps)]
            return self.losses

    def cases(generator):
        def start(n):
            table = torch.rand(1, n, generator=generator)
            return {"init": {"n_in": n, "n_out": 1}, "state": {"table": table}}

        x, y = torch.rand(1, 2, generator=generator), torch.rand(1, 3, generator=generator)
        return [
            Case("asked", [call(x)], **start(2)),
            Case("trained", [call(2, method="fit"), call(y)], **start(3)),
        ]

    sheet = make_sheet(Exercise("99.kept", "T", "build", 1, "Trained", cases, ()), Trained, 0)
    assert judge(sheet, Trained).state == "right"
    assert "keep from one call to the next" in judge(sheet, Collects).details[0]


@pytest.mark.parametrize("sizes", [(2, 3), (0, 3, 5)])
@pytest.mark.parametrize("key", [lambda x: x.shape, lambda x: "any"])
def test_what_a_function_keeps_between_calls_is_found(key, sizes):
    """Also where the smallest case is empty, and comes out as before when it is drawn again."""
    kept = {}

    def doubled(x):
        return 2 * x

    def forgetful(x):
        return kept.setdefault(key(x), 2 * x)

    def cases(generator):
        return [case(f"{n}", torch.rand(n, generator=generator)) for n in sizes]

    sheet = make_sheet(Exercise("99.twice", "T", "code", 1, "doubled", cases, ()), doubled, 0)
    assert judge(sheet, doubled).state == "right"
    assert judge(sheet, forgetful).state == "wrong"


def test_switching_gradients_off_for_a_whole_notebook_is_no_mistake():
    with torch.no_grad():
        assert judge(SHEET, Layer).state == "right"


def test_a_mistake_can_be_one_of_gradients_only_and_others_keep_none():
    def scaled(*sizes, **named):
        made = Layer(*sizes, **named)
        made.register_forward_hook(lambda module, given, out: 2 * out)
        return made

    hints = ("one", "two", "three")
    mistakes = [
        Mistake("detached", Detached, {}, "the weights learn nothing", hints),
        Mistake("doubled", scaled, {}, "everything comes out twice", hints),
    ]
    exercise = Exercise("99.layer", "A layer", "code", 1, "Layer", layer_cases, mistakes)
    sheet = make_sheet(exercise, Layer, 0)
    assert judge(sheet, Detached).mistake_name == "detached"
    assert judge(sheet, Silent).mistake_name is None  # nor do its inputs get a gradient
    assert judge(sheet, scaled).mistake_name == "doubled"
    detached, doubled = sheet.mistakes
    assert all(outcome.gradients for outcome in detached.outcomes)
    assert not any(outcome.gradients for outcome in doubled.outcomes)


def test_a_case_that_raises_is_not_called_again():
    def refuse(x):
        raise ValueError("no")

    exercise = Exercise("99.no", "No", "code", 1, "refuse", lambda g: [case("a", 1)], ())
    assert len(make_sheet(exercise, refuse, 0).cases) == 1


def test_a_method_that_returns_its_object_is_told_so():
    class Chained(Layer):
        def forward(self, x):
            return self

    told = judge(SHEET, Chained).details
    assert "found the object itself" in told[0] and "`self` came back" in " ".join(told)
