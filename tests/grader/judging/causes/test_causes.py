"""What is said of a wrong answer that no mistake names: one sentence, true of all that fails."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from course_lib.grader.judging.flat import outcomes_from, shallow
from course_lib.grader.judging.frames import pack, unpack
from course_lib.grader.judging.key import Case, Exercise, Mistake, call, case
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.outcome import run_case
from course_lib.grader.judging.verdict import judge, judge_outcomes

HINTS = ("Look at one row.", "What is its sum?", "Which axis is it?")


def sheet(right, cases, mistakes=(), **more):
    return make_sheet(Exercise("99.x", "T", "code", 1, "right", cases, mistakes, **more), right, 0)


def told(made, answer):
    """All details; what is under test is none of the usual ones alone."""
    verdict = judge(made, answer)
    assert verdict.state == "wrong"
    return " · ".join(verdict.details)


def tables(generator):
    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    return [
        case("square", draw(3, 3), draw(3, 3)),
        case("a table", draw(5, 2), draw(7, 2)),
        case("one query", draw(1, 11), draw(3, 11)),
        case("one key", draw(5, 4), draw(1, 4)),
    ]


def scores(query, key):
    return query @ key.T / key.shape[-1] ** 0.5


SCORES = sheet(scores, tables, axes="query key")


def generated(query, key):
    yield scores(query, key)


class Holder:
    def scores(self):
        pass


@pytest.mark.parametrize(
    "wrong, said",
    [
        (lambda q, k: print(scores(q, k)), "what your code prints is shown and gone"),
        (lambda q, k: None, "found None: is a return missing?"),
        (lambda q, k: q @ k.T, "the right one times the root of the length of `query`'s last axis"),
        (
            lambda q, k: scores(q, k) / q.shape[-1] ** 0.5,
            "the right one divided by the root of the length of `query`'s last axis",
        ),
        (lambda q, k: scores(q, k) * len(k), "the right one times the length of `key`'s axis -2"),
        (lambda q, k: -scores(q, k), "each wrong number is right but for its sign"),
        (lambda q, k: 2 * scores(q, k), "each wrong number is 2 times the right one"),
        (lambda q, k: scores(q, k) / 2, "each wrong number is 0.5 times the right one"),
        (
            lambda q, k: 1.0002 * scores(q, k),
            "is 1.0002 times the right one: is a constant rounded?",
        ),
        (lambda q, k: scores(q, k) * math.log(2), "the right one times ln 2"),
        (lambda q, k: scores(q, k) / math.log(10), "the right one divided by ln 10"),
        (lambda q, k: scores(q, k) + 1, "each wrong number is 1 more than the right one"),
        (lambda q, k: scores(q, k) - 0.25, "each wrong number is 0.25 less than the right one"),
        (lambda q, k: scores(q, k).flip(-1), "along `key` the last comes first"),
        (
            lambda q, k: scores(q, k).roll(1, 0),
            "along `query` every value comes one place too late",
        ),
        (
            lambda q, k: scores(q, k).roll(-1, -1),
            "along `key` every value comes one place too ear",
        ),
        (lambda q, k: scores(q, k)[None], "an axis of length 1 is left over"),
        (lambda q, k: scores(q, k)[None, :, None], "axes of length 1 are left over"),
        (lambda q, k: "scores", "a text came back: quotes make a text"),
        (lambda q, k: {1, 2}, "braces without a colon make a set"),
        (lambda q, k: scores(q, k).squeeze(), "an axis of length 1 is lost"),
        (lambda q, k: scores(q, k).sum(-1), "an axis is lost: summed or averaged away"),
        (lambda q, k: scores(q, k).sum(-1, keepdim=True), "has length 1 where it should be longer"),
        (lambda q, k: scores(q, k)[:, :-1], "an axis is one too short: a loop or a slice"),
        (lambda q, k: scores(q, k).numpy(), "an array of NumPy is no tensor"),
        (generated, "a generator gives its values one by one"),
        (lambda q, k: map(torch.exp, q), "a map gives its values one by one"),
        (lambda q, k: lambda: scores(q, k), "a function came back, not its result"),
        (lambda q, k: scores(q, k).sum, "a method came back, not its result"),
        (lambda q, k: Holder().scores, "a method came back, not its result"),
        (lambda q, k: Holder, "a class came back, not an object of it"),
        (lambda q, k: scores(q, k).tolist(), "a list or tuple is no tensor"),
        (lambda q, k: list(scores(q, k)), "a list or tuple is no tensor"),
        (lambda q, k: (scores(q, k),), "a comma behind a value makes a tuple"),
        (
            lambda q, k: (k, scores(q, k)),
            "result 2 of 2 is what is asked for here: return it alone",
        ),
        (lambda q, k: ValueError("no"), "you return the ValueError; to raise it, the line begins"),
        (lambda q, k: scores(q, k).double(), "the input is float32, and the result should be too"),
        (lambda q, k: scores(q, k).half(), "the input is float32, and the result should be too"),
    ],
)
def test_what_all_failing_cases_have_in_common_is_told(wrong, said):
    assert said in told(SCORES, wrong)
    ran = [run_case(wrong, case) for case in SCORES.cases]
    sent = outcomes_from(unpack(pack(shallow(ran))))  # as a sealed process hands it back
    assert judge_outcomes(SCORES, sent).details == judge(SCORES, wrong).details


CAUSES = (
    "times the right",
    "the right one",
    "its sign",
    "exchanged",
    "comes",
    "came back",
    "is lost",
    "left over",
    "whole rows",
    "large numbers",
    "asked for",
)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda q, k: scores(q, k).exp(),
        lambda q, k: scores(q, k) if len(q) > 1 else 2 * scores(q, k).exp(),
        lambda q, k: scores(q, k) * torch.arange(1.0, 1 + len(k)),
        lambda q, k: 2 * scores(q, k) if len(k) > 3 else 3 * scores(q, k) + 1,
        lambda q, k: scores(q, k).softmax(-1),
        lambda q, k: torch.zeros(len(q), len(k)),
        lambda q, k: scores(q, k).to("meta"),
        lambda q, k: scores(q, k).to_sparse(),
        lambda q, k: scores(q, k) + 0j,
        lambda q, k: {1: q},
        lambda q, k: torch.ones(0),
        lambda q, k: 10**400,
        lambda q, k: float("nan"),
    ],
)
def test_nothing_is_said_where_nothing_is_sure(wrong):
    said = told(SCORES, wrong)
    assert not any(words in said for words in CAUSES), said


def test_a_named_mistake_says_enough():
    twice = Mistake("twice", lambda q, k: 2 * scores(q, k), {}, "it is doubled here", HINTS)
    verdict = judge(sheet(scores, tables, [twice]), lambda q, k: 2 * scores(q, k))
    assert verdict.mistake_name == "twice" and "times the right" not in " ".join(verdict.details)


def test_a_transpose_of_square_tables_is_told():
    made = sheet(
        lambda x: x.softmax(-1),
        lambda g: [case(f"{n}", torch.randn(2, n, n, generator=g)) for n in (3, 5)],
        axes="batch query key",
    )
    assert "`query` and `key` are exchanged" in told(made, lambda x: x.softmax(-1).mT)
    assert "your code gives `x` back as it came" in told(made, lambda x: x)


def test_rows_of_nan_are_told_where_the_others_are_right():
    def right(scores, mask):
        return scores.masked_fill(~mask, -math.inf).softmax(-1).nan_to_num()

    def drawn(generator):
        masks = torch.tensor([[[True, False], [False, False]], [[True, True], [False, True]]])
        both = torch.randn(2, 2, generator=generator)
        return [case("an empty row", both, masks[0]), case("none", both, masks[1])]

    made = sheet(right, drawn)
    said = told(made, lambda scores, mask: scores.masked_fill(~mask, -math.inf).softmax(-1))
    assert "whole rows are nan and the others right" in said and "the right rows are 0" in said


def test_an_overflow_is_told_where_only_large_numbers_fail():
    def drawn(generator):
        x = torch.randn(3, 5, generator=generator)
        return [case("small", x), case("large", 1000 * x)]

    def shares(x):
        return x.exp() / x.exp().sum(-1, keepdim=True)

    assert "only large numbers fail" in told(sheet(lambda x: x.softmax(-1), drawn), shares)


def test_an_epsilon_is_told_where_only_small_numbers_fail():
    def drawn(generator):
        x = torch.randn(3, 5, generator=generator)
        return [case("usual", x), case("small", 1e-3 * x)]

    def normed(x, eps):
        return x * (x.pow(2).mean(-1, keepdim=True) + eps).rsqrt()

    made = sheet(lambda x: normed(x, 1e-6), drawn)
    assert "only small numbers fail: an epsilon" in told(made, lambda x: normed(x, 1e-8))
    assert "only small" not in told(made, lambda x: normed(x, 1.0))


def counts(generator):
    return [case(f"{n} by {m}", n, m) for n, m in ((2, 3), (4, 5), (7, 11), (6, 6))]


@pytest.mark.parametrize(
    "wrong, said",
    [
        (lambda n, m: n * m + 1, "each wrong number is 1 more than the right one"),
        (lambda n, m: 3 * n * m, "each wrong number is 3 times the right one"),
        (lambda n, m: n * n * m, "the right one times `n`"),
        (lambda n, m: n, "the right one divided by `m`"),
        (lambda n, m: 12, "your code gives 12, whatever comes in"),
        (lambda n, m: torch.tensor([n * m]), "`.item()` makes one of a tensor"),
        (lambda n, m: range(n * m), "a range gives its values one by one"),
    ],
)
def test_of_plain_numbers(wrong, said):
    assert said in told(sheet(lambda n, m: n * m, counts), wrong)


def test_of_truths():
    made = sheet(lambda n, m: n * m > 20, counts)
    assert "your code gives True, whatever comes in" in told(made, lambda n, m: True)
    assert "each True should be False" in told(made, lambda n, m: n * m <= 20)
    masks = sheet(
        lambda x: x > 0, lambda g: [case(f"{n}", torch.randn(n, 3, generator=g)) for n in (2, 3)]
    )
    assert "each True should be False" in told(masks, lambda x: x <= 0)
    assert "each True" not in told(masks, lambda x: x > 1)
    assert "`.all()` and `.any()` make one of many" in told(
        made, lambda n, m: torch.tensor([n * m > 20, True])
    )
    assert "each True" not in told(made, lambda n, m: n > 2)


def test_the_cases_behind_a_wrong_truth_are_told():
    def drawn(generator):
        return [case(f"the number is {n}", n) for n in range(12)]

    made = sheet(lambda n: n % 2 == 0, drawn)
    found = told(made, lambda n: n == 0)
    assert "smallest of 5 failing cases: the number is 2" in found
    assert "also False instead of True: the number is 4; the number is 6;" in found
    many = told(made, lambda n: n > 8)
    assert "also False instead of True: the number is 2; the number is 4; the number is 6; " in many
    assert "the number is 8" in many and "also True instead of False: the number is 9" in many
    assert "called again" not in many and "the number is 0;" not in many
    assert "the number is 7; and 2 more" in told(made, lambda n: n != 0)
    assert "also" not in told(made, lambda n: n % 2 == 0 or n == 11)


def test_numbers_have_no_such_list():
    assert "also" not in told(sheet(lambda n, m: n * m, counts), lambda n, m: n * m - n)


def test_large_whole_numbers_that_lost_digits_are_told():
    large = sheet(lambda n: n * n, lambda g: [case(f"{n}", n) for n in (7, 90_001, 800_001)])
    short = "float32 has seven"
    assert short in told(large, lambda n: int(torch.tensor(float(n)) ** 2))
    assert short not in told(large, lambda n: n * n + (n > 100))
    assert short not in told(large, lambda n: n * n - n)


def test_a_scalar_tensor_and_a_plain_number():
    made = sheet(
        lambda x: x.mean(), lambda g: [case(f"{n}", torch.rand(n, generator=g)) for n in (2, 3)]
    )
    assert "a tensor is asked for, and a plain number came" in told(made, lambda x: x.mean().item())


def test_of_two_results():
    def drawn(generator):
        return [case(f"{n}", torch.randn(n, 3, generator=generator)) for n in (2, 5)]

    made = sheet(lambda x: (x.sum(), x.mean(-1)), drawn)
    assert "the two results are right, but exchanged" in told(made, lambda x: (x.mean(-1), x.sum()))
    assert "each wrong number is 2 times" in told(made, lambda x: (x.sum(), 2 * x.mean(-1)))
    assert "several results are asked for, in order" in told(made, lambda x: x.sum())
    named = told(made, lambda x: {"sum": x.sum(), "mean": x.mean(-1)})
    assert "return its values without names, side by side" in named
    assert "several results" not in told(made, lambda x: (x.sum(), x.mean(-1), 1))


def test_other_names_in_a_dictionary_are_told():
    made = sheet(lambda n, m: {"a": n, "b": m}, counts)
    assert "asked for letter by letter" in told(made, lambda n, m: {"A": n, "b": m})
    assert "letter by letter" not in told(made, lambda n, m: {"a": n, "b": -m})
    assert "a `return` stand inside of a loop" in told(made, lambda n, m: {"a": n})
    assert "and others beside them" in told(made, lambda n, m: {"a": n, "b": m, "c": 0})


def test_dtypes_that_the_result_should_keep_are_told_together():
    def drawn(generator):
        x = torch.rand(3, generator=generator)
        return [case(f"{dtype}", x.to(dtype)) for dtype in (torch.float64, torch.bfloat16)]

    made = sheet(lambda x: 2 * x, drawn)
    assert "the dtype of the input, whichever comes in" in told(made, lambda x: 2 * x.float())
    half = sheet(lambda x: x.sum(-1), drawn)
    assert "whichever comes in" not in told(half, lambda x: x.float())


def test_a_column_that_met_a_row_is_told():
    made = sheet(
        lambda x, y: x * y,
        lambda g: [case(f"{n}", torch.randn(n, generator=g), torch.ones(n)) for n in (3, 5)],
    )
    assert "a column met a row" in told(made, lambda x, y: x[:, None] * y)


def refusing(x):
    if x.ndim != 2:
        raise ValueError("two axes, please")
    return x.T


@pytest.mark.parametrize(
    "line, said",
    [
        (lambda x: torch.einsum("ij->ji", x), "a line stopped by itself: look before it"),
        (
            lambda x: x.permute(1, 0),
            "a line stopped by itself: look before it, and `raise ValueErr",
        ),
    ],
)
def test_an_error_that_a_line_stopped_with_is_told_from_one_of_the_answers_own(line, said):
    made = sheet(refusing, lambda g: [case(f"{n}", torch.ones([2] * n)) for n in (1, 2, 3)])
    assert said in told(made, line)

    def raises_another(x):
        if x.ndim != 2:
            raise TypeError("two axes")
        return x.T

    said = told(made, raises_another)
    assert "expected your code to raise ValueError here, found a TypeError" in said
    assert "stopped by itself" not in said


def test_an_error_that_comes_back_as_a_value_is_told():
    made = sheet(refusing, lambda g: [case(f"{n}", torch.ones([2] * n)) for n in (1, 2, 3)])
    said = told(made, lambda x: x.T if x.ndim == 2 else ValueError("two axes"))
    assert "you return the ValueError; to raise it" in said


def test_one_truth_and_plain_results_are_told_from_many_and_a_dict():
    def cases(generator):
        return [case(f"{n}", torch.rand(n, generator=generator)) for n in (2, 3)]

    truth = sheet(lambda x: bool((x < 2).all()), cases)
    assert "`all(…)` or `any(…)` makes one of many" in told(truth, lambda x: (x < 2).tolist())
    assert "a text came back" in told(truth, lambda x: str(bool((x < 2).all())))
    assert "and a number came back" in told(truth, lambda x: int((x < 2).all()))
    mask = sheet(lambda x: x < 0.5, cases)
    assert "True and False are asked for" in told(mask, lambda x: (x < 0.5).int())
    two = sheet(lambda x: (x, 2 * x), cases)
    assert "a dict came back" in told(two, lambda x: {"once": x, "twice": 2 * x})


def test_a_dictionary_for_a_list_is_told_with_any_keys():
    def cases(generator):
        return [case(f"{n}", torch.rand(n, generator=generator).tolist()) for n in (2, 3)]

    made = sheet(lambda x: [((i, i + 1), n) for i, n in enumerate(x)], cases)
    pairs = {(i, i + 1): i for i in range(3)}
    for found in (pairs, Counter(pairs), {"one": 1}):
        assert "a list is asked for" in told(made, lambda x, found=found: found)
    assert "bytes came back" in told(made, lambda x: b"ab")
    for found in (np.ones(3), torch.ones(3), torch.tensor(1.0)):
        assert "`.tolist()` makes one" in told(made, lambda x, found=found: found)
    ran = [unpack(pack([shallow(run_case(lambda x: Counter(pairs), c))])) for c in made.cases]
    sealed = judge_outcomes(made, tuple(each for row in ran for each in outcomes_from(row)))
    assert any("a list is asked for" in detail for detail in sealed.details)


def test_what_cuts_a_gradient_off_is_told():
    made = sheet(lambda x: 2 * x, lambda g: [case("some", torch.rand(3, generator=g), grad=True)])
    said = told(made, lambda x: 2 * x.detach())
    assert "no gradient flows back to" in said and "`detach`, `.data`" in said


def test_a_gradient_that_lacks_a_part_is_told_and_one_of_nan_is_not():
    made = sheet(
        lambda x: x * x + x, lambda g: [case("some", torch.rand(3, generator=g), grad=True)]
    )
    part = "is a part of the way to the result cut off"
    assert part in told(made, lambda x: x.detach() * x + x)
    assert part not in told(made, lambda x: x * x + torch.where(x < 2, x, (2 - x - 2 + x).sqrt()))


def test_counts_beyond_a_float_are_compared_as_they_are():
    def cost(n, d):
        return n * d * d

    made = sheet(cost, lambda g: [case(f"{n}", n, 3 + n % 7) for n in (5, 11, 10**17 + 1)])
    assert "`n` · `d` more than the right one" in told(made, lambda n, d: n * d * d + n * d)


def test_an_edited_input_and_a_kept_state_are_told_alone():
    made = sheet(
        lambda x: 2 * x, lambda g: [case(f"{n}", torch.rand(n, generator=g)) for n in (3, 5)]
    )
    said = told(made, lambda x: x.mul_(4))
    assert "changed its input in place" in said and "times the right one" not in said
    kept = []

    def counts_calls(x):
        kept.append(x)
        return 2 * x if len(kept) % 4 else 3 * x

    assert "times the right one" not in told(made, counts_calls)


def test_the_lengths_of_what_an_object_is_made_of_are_known():
    class Scaled:
        def __init__(self, d_model, wrong=False):
            self.factor = d_model**0.5 if not wrong else d_model

        def __call__(self, x):
            return self.factor * x

    class Wrong(Scaled):
        def __init__(self, d_model):
            super().__init__(d_model, wrong=True)

    def drawn(generator):
        calls = [[call(torch.rand(n, generator=generator))] for n in (3, 5)]
        return [Case(f"{d}", c, init={"d_model": d}) for d, c in zip((7, 11), calls, strict=True)]

    assert "the right one times the root of `d_model`" in told(sheet(Scaled, drawn), Wrong)


def test_numbers_of_numpy_are_fine():
    made = sheet(lambda n, m: n * m, counts)
    assert judge(made, lambda n, m: np.int64(n * m)).state == "right"


def test_a_step_that_moves_weights_otherwise_is_told():
    class Line(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.slope = torch.nn.Parameter(torch.zeros(()))

        def move(self, loss, rate):
            self.slope.data -= rate * torch.autograd.grad(loss, self.slope)[0]

        def fit(self, x, y, rate):
            losses = []
            for _ in range(3):
                loss = (self.slope * x - y).square().mean()
                losses.append(loss.item())
                self.move(loss, rate)
            return losses

    class Slower(Line):
        def move(self, loss, rate):
            super().move(loss, rate / 10)

    class Halved(Line):
        def fit(self, x, y, rate):
            return [loss / 2 for loss in super().fit(x, y, rate)]

    class Longer(Line):
        def fit(self, x, y, rate):
            return [*super().fit(x, y, rate), *super().fit(x, y, rate)]

    def cases(generator):
        def trained(label, rate):
            x, y = torch.randn(2, 5, generator=generator)
            slope = torch.randn((), generator=generator)
            calls = [call(x, y, rate, method="fit")]
            return Case(label, calls, init={}, state={"slope": slope})

        return [trained("slow", 0.1), trained("fast", 0.2)]

    made = sheet(Line, cases)
    assert judge(made, Line).state == "right"
    said = "right before the first step"
    assert said in told(made, Slower)
    assert said not in told(made, Halved) + told(made, Longer)

    class Watched(Line):
        def fit(self, x, y, rate):
            losses = super().fit(x, y, rate)
            return losses, [self.seen(loss) for loss in losses]

        def seen(self, loss):
            return loss**0.5

    class Squared(Watched):
        def seen(self, loss):
            return loss**2

    class Unread(Watched):
        def seen(self, loss):
            return torch.tensor(loss**0.5)

    class Recorded(Line):
        def fit(self, x, y, rate):
            return [{"at": 0.5, "loss": loss} for loss in super().fit(x, y, rate)]

    class SlowlyRecorded(Recorded):
        def move(self, loss, rate):
            super().move(loss, rate / 10)

    class Misnamed(Line):
        def fit(self, x, y, rate):
            return [{"at": 0.5, "lost": loss} for loss in super().fit(x, y, rate)]

    class ToldDouble(Line):
        def fit(self, x, y, rate):
            return [{"at": 0.5, "loss": 2.5 * loss} for loss in super().fit(x, y, rate)]

    made = sheet(Recorded, cases)
    assert said in told(made, SlowlyRecorded)
    assert said not in told(made, Misnamed) + told(made, ToldDouble)

    made = sheet(Watched, cases, plain_numbers=True)
    assert said not in told(made, Squared)  # all losses are right, so the weights move rightly
    assert "`.item()` makes one" in told(made, Unread)
    assert said not in told(made, Unread)

    class Judged(Watched):
        def fit(self, x, y, rate):
            losses, seen = super().fit(x, y, rate)
            return losses, seen, [loss + 1 for loss in losses]

    class Averaged(Judged):
        def fit(self, x, y, rate):
            losses, seen, more = super().fit(x, y, rate)
            return [sum(losses[: n + 1]) / (n + 1) for n in range(3)], seen, more

    class SlowlyJudged(Judged):
        def move(self, loss, rate):
            super().move(loss, rate / 10)

    made = sheet(Judged, cases)
    assert said in told(made, SlowlyJudged)
    assert said not in told(made, Averaged)  # all that is judged after a step is right


def test_a_wrong_loss_of_the_first_step_is_not_told_as_a_wrong_move():
    class Line(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.slope = torch.nn.Parameter(torch.zeros(()))

        def forward(self, x):
            return x * self.slope

        def step(self, x, rate):
            loss = self.judged(x)
            self.slope.data -= rate * torch.autograd.grad(loss, self.slope)[0]
            return loss.item()

        def judged(self, x):
            return (self(x) - 1).square().mean()

    class Slower(Line):
        def step(self, x, rate):
            return super().step(x, rate / 10)

    class Doubled(Line):
        def judged(self, x):
            return 2 * super().judged(x)

    def cases(generator):
        x = torch.randn(2, 5, generator=generator)
        calls = [call(x[0]), call(x[1], 0.1, method="step"), call(x[0])]
        return [Case("a step", calls, init={}, state={"slope": torch.tensor(0.3)})]

    made = sheet(Line, cases)
    said = "right before the first step"
    assert said in told(made, Slower)
    assert said not in told(made, Doubled)


def filtered(x, least):
    return x.float().where(x >= least, -math.inf)


def ups_and_downs(generator):
    return [case(f"{n}", torch.randn(n, generator=generator), 0.0) for n in (9, 12)]


@pytest.mark.parametrize("low", [-1e4, -1e9, torch.finfo(torch.float32).min])
def test_a_finite_number_for_minus_infinity_is_told_whatever_its_size(low):
    made = sheet(filtered, ups_and_downs)
    assert "fill with `-math.inf`" in told(made, lambda x, least: x.where(x >= least, low))
    assert "math.inf" not in told(made, lambda x, least: x.where(x >= least, 0.0))
    assert "math.inf" not in told(made, lambda x, least: 2 * x.where(x >= least, low))


def three_shares(n):
    return n / 7, n / 11, n / 13


@pytest.mark.parametrize(
    "wrong, tells",
    [
        (lambda n: tuple(round(x, 3) for x in three_shares(n)), True),
        (lambda n: (round(n / 7, 2), n / 11, n / 13), True),
        (lambda n: tuple(x + 1e-3 for x in three_shares(n)), False),
        (lambda n: tuple(float(round(x)) for x in three_shares(n)), False),
    ],
)
def test_rounded_numbers_are_told(wrong, tells):
    made = sheet(three_shares, lambda g: [case(f"{n}", n) for n in (5, 9, 31)])
    assert ("right, but rounded" in told(made, wrong)) == tells


def test_numbers_that_are_right_but_for_their_dtype_are_not_called_rounded():
    made = sheet(lambda x: x / 3, lambda g: [case(f"{n}", torch.arange(n) * 1.5) for n in (5, 9)])
    assert "found torch.float64" in told(made, lambda x: x.double() / 3)
    assert "rounded" not in told(made, lambda x: x.double() / 3)


def sizes(x):
    return x.float().exp().sum(dim=-1)


def two_dtypes(generator):
    x = torch.randn(3, 40, generator=generator)
    return [case("float32", x), case("half", x.half()), case("bfloat16", x.bfloat16())]


def test_what_is_counted_in_half_precision_is_told_to_be_widened_first():
    made = sheet(sizes, two_dtypes)
    assert "widen what comes in" in told(made, lambda x: x.exp().sum(dim=-1).float())
    assert "widen" not in told(made, lambda x: sizes(x) + (x.dtype != torch.float32))
    assert "widen" not in told(made, lambda x: x.exp().sum(dim=-1))
    everywhere = told(made, lambda x: x.bfloat16().exp().sum(dim=-1).float())
    assert "widen" not in everywhere


def test_a_generator_in_a_tuple_is_told():
    made = sheet(lambda n: ([n, n + 1, n + 2], n), lambda g: [case(f"{n}", n) for n in (5, 9)])
    assert "values one by one" in told(made, lambda n: ((n + i for i in range(3)), n))


@pytest.mark.parametrize(
    "wrong, said",
    [
        (lambda n: n / (n - 5), "divided by 0"),
        (lambda n: (n - 5) ** -0.5, "0 has a negative power"),
        (lambda n: math.exp(1000 * n), "too large"),
        (lambda n: torch.stack([torch.ones(n), torch.ones(2)]), "`stack` wants equal shapes"),
        (lambda n: torch.cat([torch.tensor(1.0), torch.ones(n)]), "`cat` an axis: `flatten`"),
        (lambda n: torch.cat([torch.ones(2, n), torch.ones(3, 2)], 1), "`cat` wants equal lengths"),
        (
            lambda n: torch.nn.functional.cross_entropy(
                torch.ones(2, n, 7), torch.ones(2, n).long()
            ),
            "wants the classes on axis 1",
        ),
        (lambda n: torch.zeros(n).scatter(0, torch.arange(n), torch.ones(n).half()), "two dtypes"),
    ],
)
def test_crashes_of_chapters_10_and_11_are_explained(wrong, said):
    made = sheet(lambda n: n + 0.5, lambda g: [case(f"{n}", n) for n in (5, 9)])
    assert said in told_of_a_crash(made, wrong)


def told_of_a_crash(made, answer):
    return " · ".join(judge(made, answer).details)


def test_only_half_precision_goes_wrong():
    def kept(generator):
        x = torch.randn(3, 40, generator=generator)
        return [
            case("single", x),
            case("half", x.half()),
            case("bfloat16", x.bfloat16()),
        ]

    def right(x):
        return x.where(x.float().softmax(dim=-1).cumsum(dim=-1) < 0.5, -math.inf)

    def narrow(x):
        return x.where(
            x.float().softmax(dim=-1).cumsum(dim=-1) < (0.5 if x.itemsize > 2 else 0.4), -math.inf
        )

    made = sheet(right, kept)
    assert "only half precision goes wrong" in told(made, narrow)
    assert "only half" not in told(made, lambda x: right(x) + 1)


def halves_and_singles(generator):
    def draw(dtype):
        return torch.randn(3, 5, generator=generator).to(dtype)

    yield case("plain", draw(torch.float32))
    yield Case("half, then single", (call(draw(torch.half)), call(x=draw(torch.float32))))
    yield case("half by its name", x=draw(torch.half))


def test_only_half_precision_is_wrong_however_it_comes_in():
    made = sheet(lambda x: x.float().mean(-1), halves_and_singles)
    said = told(made, lambda x: x.mean(-1).float())
    assert "of half precision digits are lost" in said


def test_a_call_in_single_precision_beside_one_in_half_may_be_the_wrong_one():
    made, kept = sheet(lambda x: x.float().mean(-1), halves_and_singles), []

    def after_a_half(x):
        kept.append(x.dtype)
        late = torch.half in kept[:-1] and x.dtype == torch.float32
        return (x.half() if late else x.float()).mean(-1).float()

    assert told(made, after_a_half)
