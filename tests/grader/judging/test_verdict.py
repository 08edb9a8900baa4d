"""Verdicts on a small exercise made for this test: named mistakes, crashes, stubs."""

import linecache
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_lib.grader.judging.errors.crash import meaning
from course_lib.grader.judging.key import Case, Exercise, Mistake, call, case
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.properties import PROPERTIES
from course_lib.grader.judging.verdict import judge


def normalise(x):
    return x / x.sum(dim=-1, keepdim=True)


def wrong(x, dim=-1, shift=0.0):
    return (x + shift) / x.sum(dim=dim, keepdim=True)


def cases(generator):
    def draw(*shape):
        return torch.rand(*shape, generator=generator) + 0.1

    return [case("a row", draw(1, 2)), case("a table", draw(3, 5)), case("a batch", draw(2, 3, 7))]


HINTS = ("Look at one row of your output.", "What should it sum to?", "Which axis are the keys on?")
EXERCISE = Exercise(
    id="99.normalise",
    title="Normalise rows",
    kind="code",
    points=3,
    name="normalise",
    cases=cases,
    mistakes=[
        Mistake("columns", wrong, {"dim": -2}, "the sum runs over the rows", HINTS),
        Mistake("shifted", wrong, {"shift": 1.0}, "1 is added to every value first", HINTS),
    ],
    axes="row column",
    properties=("rows-sum-to-1",),
)
SHEET = make_sheet(EXERCISE, normalise, seed=0)


def test_a_wrong_answer_shows_its_smallest_failing_case_as_code():
    lines = judge(SHEET, lambda x: x).case
    found = []
    exec(lines, {"torch": torch, "normalise": found.append})
    assert any(torch.equal(found[0], each.calls[0].args[0]) for each in SHEET.cases)
    assert judge(SHEET, normalise).case == ""


def test_a_right_answer_gains_the_points():
    verdict = judge(SHEET, normalise)
    assert (verdict.state, verdict.points, verdict.out_of) == ("right", 3, 3)
    assert "4 cases" in verdict.summary


@pytest.mark.parametrize("flags, name", [({"dim": -2}, "columns"), ({"shift": 1.0}, "shifted")])
def test_a_mistake_is_named_with_its_hints(flags, name):
    verdict = judge(SHEET, lambda x: wrong(x, **flags))
    assert (verdict.state, verdict.mistake_name, verdict.points) == ("wrong", name, 0)
    assert verdict.hints == HINTS


def test_two_mistakes_at_once_are_named_together():
    verdict = judge(SHEET, lambda x: wrong(x, dim=-2, shift=1.0))
    assert verdict.mistake_name == "columns + shifted"
    assert "the sum runs over the rows" in verdict.mistake and "1 is added" in verdict.mistake


def test_an_unknown_mistake_is_described_by_the_smallest_case_and_the_broken_property():
    verdict = judge(SHEET, lambda x: 2 * normalise(x))
    assert verdict.mistake is None and verdict.state == "wrong"
    told = " ".join(verdict.details)
    assert "rows sum to 2.00, not to 1" in told
    assert "smallest of 4 failing cases: a row (x (1, 2) holding" in told


def masked_without_brackets(x):
    return x & (x > 0)


def test_what_pytorch_has_not_implemented_is_written_all_the_same():
    verdict = judge(SHEET, masked_without_brackets)
    assert verdict.state == "crashed" and "not implemented for 'Float'" in verdict.crash[0]
    assert verdict.summary != "not written yet"


def test_a_property_that_only_another_case_breaks_says_which():
    verdict = judge(SHEET, lambda x: 2 * normalise(x) if x.ndim == 3 else normalise(x).roll(1, -1))
    assert "rows sum to 2.00, not to 1 (in the case: a batch)" in verdict.details
    assert any("failing cases: a row (" in line for line in verdict.details)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rounding_of_halves_breaks_no_property(dtype):
    rows = torch.rand(50, 33, generator=torch.Generator().manual_seed(0)).mul(9).softmax(-1)
    assert not PROPERTIES["rows-sum-to-1"](rows.to(dtype))
    assert PROPERTIES["rows-sum-to-1"](1.1 * rows.to(dtype))


def test_of_plain_numbers_the_smallest_case_is_shown():
    def counts(generator):
        return [case("large", 4096, 64), case("small", n=2, d=3), case("medium", 11, 3)]

    exercise = replace(EXERCISE, cases=counts, mistakes=(), axes="", properties=())
    sheet = make_sheet(exercise, lambda n, d: n * d, seed=0)
    told = " ".join(judge(sheet, lambda n, d: n + d).details)
    assert "expected 6, found 5" in told and "smallest of 4 failing cases: small" in told


def test_the_case_shown_is_small_and_has_no_extreme_numbers():
    def wild(generator):
        return [case("huge", torch.tensor([[1e4]])), *cases(generator)]

    sheet = make_sheet(replace(EXERCISE, cases=wild), normalise, seed=0)
    assert "failing cases: a row" in judge(sheet, lambda x: 2 * normalise(x)).details[-1]


def test_a_crash_shows_the_learners_own_line():
    namespace = {}
    source = "def normalise(x):\n    total = x.sum(-1)\n    return x / totl\n"
    exec(compile(source, "<exercise of this test>", "exec"), namespace)
    verdict = judge(SHEET, namespace["normalise"])
    assert verdict.state == "crashed"
    assert verdict.crash[0] == "NameError: name 'totl' is not defined"
    assert verdict.crash[1].startswith("in normalise, line 3")
    assert "course_lib" not in " ".join(verdict.crash)


def answer(source, name="normalise"):
    namespace = {"torch": torch}
    path = f"<exercise {abs(hash(source))}>"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    exec(compile(source, path, "exec"), namespace)
    return namespace[name]


def test_a_crash_says_what_came_in_and_what_such_an_error_means():
    crashed = judge(SHEET, answer("def normalise(x):\n    return x @ x"))
    assert crashed.state == "crashed" and crashed.crash[1].startswith("in normalise, line 2")
    meant, came_in = crashed.details
    assert meant.startswith("in a product `a @ b` the last axis of a")
    assert "a row (x (1, 2) holding [" in came_in


def test_a_crash_tells_dtypes_numbers_and_the_call_that_stopped():
    class Two:
        def first(self, ids):
            return ids

        def second(self, ids, n):
            return 0

    class Stops(Two):
        def second(self, ids, n):
            return self.nothing

    calls = [call(torch.zeros(9), method="first"), call(torch.tensor([3, 5]), 4, method="second")]
    exercise = Exercise("99.two", "T", "code", 1, "Two", lambda g: [Case("x", calls, init={})], ())
    crashed = judge(make_sheet(exercise, Two, 0), Stops)
    assert "x (ids (2,) int64 holding [3, 5], n=4)" in crashed.details[-1]


def test_a_crash_in_a_helper_tells_its_line_and_who_called():
    source = (
        "def normalise(x):\n"
        "    def total(y):\n"
        "        return y.sum(-1) + None\n"
        "    return x / total(x)\n"
    )
    crashed = judge(SHEET, answer(source))
    assert crashed.crash[1] == "in normalise.total, line 3: return y.sum(-1) + None"
    assert crashed.crash[2] == "called from normalise, line 4: return x / total(x)"
    assert "something is None: an argument that was left out" in crashed.details[0]


def test_the_stub_of_another_exercise_is_named():
    source = "def other(x):\n    raise NotImplementedError('your turn')\n"
    source += "def normalise(x):\n    return other(x)\n"
    sheet = replace(SHEET, others={"other": "99.other"})
    verdict = judge(sheet, answer(source))
    assert verdict.state == "not attempted"
    assert verdict.summary == "it calls `other`, which is exercise 99.other and not written yet"
    later = source.replace("return other(x)", "return x if len(x) == 1 else other(x)")
    told = judge(sheet, answer(later.replace("return x if", "return x/x.sum() if")))
    assert told.state == "crashed" and "exercise 99.other" in told.details[0]


ROW = torch.rand(2, 3)


@pytest.mark.parametrize(
    "stops, told",
    [
        (lambda x: stops_never(x), "calls itself without end"),
        (lambda x: x + torch.ones(11), "counted from the last axis"),
        (lambda x: x.view(11), "must hold as many numbers"),
        (lambda x: ROW.T.view(6), "take `reshape`"),
        (lambda x: x.sum(9), "number of axes is another"),
        (lambda x: x.permute(2, 1, 0), "number of axes is another"),
        (lambda x: stops_at(*x.shape, 1, 2), "as many names as values must stand left"),
        (lambda x: x.shape[7], "places count from 0"),
        (lambda x: 1 + x.tolist(), "put brackets around it"),
        (lambda x: x[len(x)], "places count from 0"),
        (lambda x: torch.sqrt(x.shape[-1]), "takes tensors, and a plain number came in"),
        (lambda x: x + (() - 2), "something is a tuple here"),
        (lambda x: x + () ** 2, "a tuple stands where one number is needed"),
        (lambda x: torch.autograd.grad(x.requires_grad_() * 2, x), "one single number"),
        (lambda x: torch.autograd.grad(x.requires_grad_().sum(), x[0]), "from another tensor"),
        (lambda x: torch.softmax(x), "of PyTorch is called without something that it needs"),
        (lambda x: x if x > 0 else 0 * x, "a whole tensor stands where one truth"),
        (lambda x: x.double() @ torch.ones(x.shape[-1]), "two dtypes meet"),
        (lambda x: normalise(), "the parameters of the stub stay as they are"),
        (lambda x: x.requires_grad_().mul_(2), "edited in place"),
        (lambda x: x.requires_grad_().numpy(), "NumPy loses the gradient"),
        (lambda x: torch.nn.Linear(2, 3).load_state_dict({}), "other parameters than asked for"),
    ],
)
def test_usual_errors_are_explained(stops, told):
    verdict = judge(SHEET, stops)
    assert verdict.state == "crashed" and told in verdict.details[0]


def test_a_chunk_of_the_first_axis_is_told():
    cut = "def normalise(x):\n    a, b, c = x.chunk(3)\n    return a\n"
    first = judge(SHEET, answer(cut)).details[0]
    assert "cut along the first axis" in first and "dim=-1" in first
    packed = "def normalise(x):\n    a, b, c = x.sum(), x.mean()\n    return a\n"
    assert "cut along" not in judge(SHEET, answer(packed)).details[0]


def test_blocks_too_many_are_told_from_a_part_of_one():
    behind = "RuntimeError: loading state_dict: not asked for: blocks.1.a.weight, blocks.1.b.weight"
    assert "are more made than asked for" in meaning((behind,), {})[0]
    assert "is a bias too many" in meaning((f"{behind}, blocks.0.bias",), {})[0]


def stops_at(*sizes):
    first, second = sizes
    return first + second


def stops_never(x):
    return stops_never(x)


def test_a_stub_is_not_attempted():
    def stub(x):
        raise NotImplementedError("your turn")

    assert judge(SHEET, stub).state == "not attempted"


def test_an_answer_that_leaves_the_interpreter_is_a_crash():
    def leave(x):
        raise SystemExit(0)

    assert judge(SHEET, leave).state == "crashed"


def test_a_result_in_place_of_the_function_is_explained():
    verdict = judge(SHEET, torch.zeros(3))
    assert verdict.state == "wrong" and "without calling it" in verdict.summary


def test_an_input_changed_in_place_fails():
    def in_place(x):
        result = normalise(x)
        x.zero_()
        return result

    assert "changed its input in place" in judge(SHEET, in_place).details[0]

    def wrong_in_place(x):
        return x.add_(1)

    first, second = judge(SHEET, wrong_in_place).details[:2]
    assert "changed its input in place (call 1: argument 1): work on a copy" in first
    assert "values differ" in second


def test_a_list_that_came_in_is_no_new_one():
    made = sheet_of(lambda ids: [i for i in ids if i], [[1, 2], [1, 0], []])
    kept = judge(made, lambda ids: [i for i in ids if i] if 0 in ids else ids)
    assert kept.details[0].startswith(
        "your code returns the list that came in (call 1: argument 1)"
    )
    assert judge(made, lambda ids: list(filter(None, ids))).state == "right"
    assert judge(made, lambda ids: [*filter(None, ids)] if ids else ids).state == "right"
    assert judge(sheet_of(lambda ids: ids, [[1, 2]]), lambda ids: ids).state == "right"

    def in_place(ids):
        while 0 in ids:
            ids.remove(0)
        return ids

    assert "changed its input in place" in judge(made, in_place).details[0]


def sheet_of(solution, inputs):
    exercise = Exercise(
        "99.kept", "T", "code", 1, "kept", lambda _: [case(f"{x}", x) for x in inputs], []
    )
    return make_sheet(exercise, solution, 0)


@pytest.mark.parametrize("as_number", [float, np.float32, np.float64, np.asarray, torch.tensor])
def test_numbers_of_any_library_are_numbers(as_number):
    def half(n):
        return n / 2

    numbers = replace(EXERCISE, cases=lambda g: [case("3", 3)], mistakes=(), axes="", properties=())
    assert judge(make_sheet(numbers, half, 0), lambda n: as_number(n / 2)).state == "right"
    counts = make_sheet(numbers, lambda n: 2 * n, 0)
    for whole in (np.int64, np.asarray, torch.tensor):
        assert judge(counts, lambda n, whole=whole: whole(2 * n)).state == "right"
    assert judge(counts, lambda n: 2.0 * n).details[0].startswith("expected the whole number 6")
    truths = make_sheet(numbers, lambda n: n > 2, 0)
    for truth in (bool, np.bool_, np.asarray, torch.tensor):
        assert judge(truths, lambda n, truth=truth: truth(n > 2)).state == "right"
    assert judge(truths, lambda n: 1).state == "wrong"


def test_a_right_answer_at_large_scores_may_round_otherwise_and_a_wrong_one_is_found():
    def shares(query, key):
        return (query @ key.T).softmax(-1)

    def one_by_one(query, key):
        return torch.stack([(key * q).sum(-1) for q in query]).softmax(-1)

    def at(size, label):
        def drawn(generator):
            key = 1 + 10 * torch.rand(5, 7, generator=generator) / size
            return [case(label, torch.full((3, 7), -size / 7), key)]

        return drawn

    exercise = replace(EXERCISE, mistakes=(), axes="", properties=())
    for seed in range(5):
        sheet = make_sheet(replace(exercise, cases=at(20_000.0, "large")), shares, seed)
        assert judge(sheet, one_by_one).state == "right"
        assert judge(sheet, lambda q, k: 1.1 * shares(q, k)).state == "wrong"
        assert judge(sheet, lambda q, k: (q @ k.T / 7**0.5).softmax(-1)).state == "wrong"
    small = make_sheet(replace(exercise, cases=at(2.0, "small")), shares, 0)
    assert judge(small, lambda q, k: shares(q, k) * 1.001).state == "wrong"


def test_a_step_of_the_reference_is_no_rounding():
    """A rounded input may fall on the other side of a step: that must not loosen the terms."""
    ties = replace(
        EXERCISE,
        cases=lambda g: [case("a tie", torch.tensor([1.0, 1.0, 0.5]))],
        mistakes=(),
        axes="",
        properties=(),
    )
    sheet = make_sheet(ties, lambda x: (x >= x.flip(0)).float() * x, 0)
    assert all(terms.noise < 1e-5 for terms in sheet.terms)


def test_cases_are_called_in_order_on_one_object():
    class Counter:
        def __init__(self, start):
            self.total = start

        def add(self, n):
            self.total += n
            return self.total

    class Forgetful(Counter):
        def add(self, n):
            return n

    def sequence(generator):
        calls = [call(2, method="add"), call(3, method="add")]
        return [Case("two steps", calls, init={"start": 5})]

    exercise = Exercise("99.count", "Count", "code", 1, "Counter", sequence, ())
    sheet = make_sheet(exercise, Counter, 0)
    assert sheet.expected[0].values == (7, 10)
    assert judge(sheet, Counter).state == "right"
    assert judge(sheet, Forgetful).details[0] == "expected 7, found 2"


def test_weights_are_handed_in_so_that_initialisation_cannot_matter():
    def linear(generator):
        state = {"weight": torch.rand(3, 2, generator=generator), "bias": torch.zeros(3)}
        x = torch.rand(5, 2, generator=generator)
        init = {"in_features": 2, "out_features": 3}
        return [Case("a layer", [call(x)], init=init, state=state)]

    exercise = Exercise("99.linear", "Linear", "code", 1, "Linear", linear, ())
    sheet = make_sheet(exercise, torch.nn.Linear, 0)
    assert judge(sheet, torch.nn.Linear).state == "right"


def test_gradients_are_compared_where_a_case_asks_for_them():
    def with_gradient(generator):
        return [case("gradient", torch.rand(2, 3, generator=generator), grad=True)]

    exercise = Exercise("99.grad", "Gradient", "code", 1, "normalise", with_gradient, ())
    sheet = make_sheet(exercise, normalise, 0)
    assert judge(sheet, normalise).state == "right"
    assert "no gradient flows" in judge(sheet, lambda x: normalise(x).detach()).details[0]


@pytest.mark.parametrize(
    "change, told",
    [
        ({"id": "attention"}, "reads like 02.attention-weights, got 'attention'"),
        ({"kind": "essay"}, "kind must be one of code, bug, predict, test; got 'essay'"),
        ({"mistakes": [EXERCISE.mistakes[0]] * 2}, "two mistakes share a name"),
    ],
)
def test_a_malformed_key_is_refused(change, told):
    fields = SimpleNamespace(**{**EXERCISE.__dict__, **change})
    with pytest.raises(ValueError, match=told.split(",")[0].split(";")[0]):
        Exercise(**vars(fields))


def test_general_hints_are_three_or_none():
    with pytest.raises(ValueError, match=r"99\.normalise needs 3 general hints, got 2"):
        replace(EXERCISE, hints=("one", "two"))


def test_what_has_no_name_gets_the_general_hints():
    sheet = make_sheet(replace(EXERCISE, hints=("a", "b", "c")), normalise, 0)

    def stops(x):
        return x / 0 + None

    for wrong in (lambda x: 3 * x, stops, 7):
        assert judge(sheet, wrong).hints == ("a", "b", "c")
    assert judge(sheet, lambda x: wrong_columns(x)).hints == HINTS
    assert judge(sheet, normalise).hints == ()


def wrong_columns(x):
    return wrong(x, dim=-2)


def test_a_mistake_needs_three_hints():
    with pytest.raises(ValueError, match="'short' needs 3 hints, got 1"):
        Mistake("short", wrong, {}, "says", ("one",))


def test_what_is_random_is_told_and_what_is_only_wrong_is_not():
    told = "the same call gives another result each time"
    for wrong in (torch.rand_like, lambda x: 7 * x + torch.rand(()) / x.numel() ** 6):
        assert told in judge(SHEET, lambda x, wrong=wrong: wrong(x)).details[0]
    for wrong in (lambda x: x * 7 + 3, lambda x: x / 0 - x / 0, lambda x: iter(x), lambda x: id):
        assert all(told not in line for line in judge(SHEET, wrong).details)


def eleven(x):
    return x + torch.ones(11)


def test_a_crash_that_has_a_name_gets_no_general_meaning():
    known = Mistake("eleven", eleven, {}, "eleven numbers are added", HINTS)
    sheet = make_sheet(replace(EXERCISE, mistakes=[*EXERCISE.mistakes, known]), normalise, seed=0)
    named, told = judge(sheet, eleven), judge(SHEET, eleven)
    assert named.mistake_name == "eleven"
    assert "counted from the last axis" in told.details[0]
    assert named.details == told.details[1:] and named.crash == told.crash


def test_an_own_error_in_a_call_that_has_a_result_is_told():
    def picky(x):
        if len(x) > 0:
            raise ValueError("too long")
        return normalise(x)

    assert "your own `raise` stops a call that has a result" in judge(SHEET, picky).details[0]
    assert not any("your own" in line for line in judge(SHEET, eleven).details)


def test_a_larger_case_that_stops_is_told_beside_the_smallest_that_is_wrong():
    verdict = judge(SHEET, lambda x: x * 3 if len(x) < 3 else x.no_such_thing)
    assert verdict.state == "wrong" and not verdict.crash
    stopping = sum(any(len(c.args[0]) > 2 for c in each.calls) for each in SHEET.cases)
    assert 0 < stopping < len(SHEET.cases)
    (told,) = [line for line in verdict.details if "failing cases stop" in line]
    assert told.startswith(f"{stopping} of {len(SHEET.cases)} failing cases stop, the first with ")
    assert "AttributeError" in told and "no_such_thing" in told


def test_no_case_stops_where_none_does():
    assert not any("stop" in line for line in judge(SHEET, lambda x: x * 3).details)
