"""Which mistake is named: a single one before a pair, an error by what raised it, always one."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from course_lib.grader.judging.key import Case, Exercise, Mistake, call, case
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.verdict import judge

HINTS = ("Look at one row.", "What is its sum?", "Which axis is it?")


def right(x):
    return 2 * x


def wrong(x, factor=2.0, shift=0.0, sign=1.0, ends=False):
    if ends:
        x = x.reshape(7, 7)
    return sign * (factor * x).abs() + shift if sign < 0 else factor * x + shift


def cases(generator):
    return [case(f"{n}", torch.rand(n, generator=generator) + 0.1) for n in (2, 3, 5)]


def mistake(name, **flags):
    return Mistake(name, wrong, flags, f"{name} is what happens here", HINTS)


def sheet(*mistakes):
    return make_sheet(Exercise("99.twice", "T", "code", 1, "right", cases, mistakes), right, 0)


def test_a_single_mistake_is_named_before_a_pair_that_does_the_same():
    made = sheet(mistake("tripled", factor=3.0), mistake("no-shift", shift=0.0))
    assert [m.name for m in made.mistakes] == ["tripled", "no-shift", "tripled + no-shift"]
    assert judge(made, lambda x: 3 * x).mistake_name == "tripled"


def test_of_several_pairs_that_fit_the_single_mistake_that_they_share_is_named():
    lost = mistake("lost", factor=0.0)
    made = sheet(mistake("plus", shift=1.0), lost, mistake("minus", sign=-1.0))
    fits = [m.name for m in made.mistakes if made.agrees(m.outcomes, made.mistakes[3].outcomes)]
    assert fits == ["plus + lost"]
    made = replace(made, mistakes=(*made.mistakes, replace(made.mistakes[3], parts=("lost", "x"))))
    verdict = judge(made, lambda x: 0 * x + 1)
    assert (verdict.mistake_name, verdict.hints) == ("lost", HINTS)


def test_a_mistake_whose_zeros_another_spelling_rounds_is_named():
    lost = mistake("lost", factor=0.0)
    exercise = Exercise("99.twice", "T", "code", 1, "right", cases, [lost], exact_zeros=True)
    made = make_sheet(exercise, right, 0)
    assert judge(made, lambda x: 2e-9 * x).mistake_name == "lost"


def test_a_pair_that_stops_where_the_reference_does_not_is_left_out():
    made = sheet(mistake("stops", ends=True), mistake("plus", shift=1.0))
    assert [m.name for m in made.mistakes] == ["stops", "plus"]


def other_error(x):
    return torch.ones(2, 3) @ torch.ones(2, 3)


def own_error(x):
    raise RuntimeError("my own words")


@pytest.mark.parametrize("stops, named", [(other_error, None), (own_error, None)])
def test_an_error_is_named_by_what_raised_it_not_by_its_type_alone(stops, named):
    made = sheet(mistake("stops", ends=True))
    assert judge(made, lambda x: x.reshape(7, 7)).mistake_name == "stops"
    assert judge(made, lambda x: x.reshape(11, 3)).mistake_name == "stops"  # the same error
    verdict = judge(made, stops)
    assert (verdict.state, verdict.mistake_name) == ("crashed", named)


def refuses(x, words):
    raise ValueError(words)


def test_an_error_that_code_raises_itself_may_use_any_words():
    mine = Mistake("refuses", refuses, {"words": "no 3"}, "it is refused without a reason", HINTS)
    assert judge(sheet(mine), lambda x: refuses(x, "not that")).mistake_name == "refuses"


def in_one_line(x):
    if len(x): raise ValueError("in one line")  # fmt: skip  # noqa: E701


def test_an_error_raised_in_the_line_of_its_condition_is_raised_all_the_same():
    mine = Mistake("refuses", refuses, {"words": "no 3"}, "it is refused without a reason", HINTS)
    assert judge(sheet(mine), in_one_line).mistake_name == "refuses"


def test_where_values_tell_the_error_may_be_another():
    def sometimes(x, ends):
        return 3 * x if len(x) < 5 else ends(x)

    mine = Mistake("sometimes", sometimes, {"ends": other_error}, "it stops at five", HINTS)
    for ends in (lambda x: x.reshape(7, 7), lambda x: x[99], lambda x: x @ "x", lambda x: {}[3]):
        answer = partial(sometimes, ends=ends)
        assert judge(sheet(mine), answer).mistake_name == "sometimes"
    assert judge(sheet(mine), lambda x: sometimes(x, own_error)).mistake_name is None


def test_an_error_of_ones_own_is_told_from_another():
    def sometimes(x, kind):
        if len(x) == 5:
            raise kind("no")
        return 3 * x

    mine = Mistake("sometimes", sometimes, {"kind": KeyError}, "it refuses five", HINTS)
    assert judge(sheet(mine), lambda x: sometimes(x, KeyError)).mistake_name == "sometimes"
    assert judge(sheet(mine), lambda x: sometimes(x, IndexError)).mistake_name is None


class Scaled(torch.nn.Module):
    def __init__(self, factor=2.0, detached=False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.factor, self.detached = factor, detached

    def forward(self, x):
        return self.factor * x * (self.weight.detach() if self.detached else self.weight)


def test_a_mistake_keeps_the_gradients_of_weights_only_where_no_value_tells_it():
    def tried(generator):
        state = {"weight": torch.full((1,), 3.0)}
        return [Case("some", [call(torch.rand(2, generator=generator))], init={}, state=state)]

    mistakes = [
        Mistake("tripled", Scaled, {"factor": 3.0}, "three times as much", HINTS),
        Mistake("detached", Scaled, {"detached": True}, "no gradient reaches the weight", HINTS),
    ]
    made = make_sheet(Exercise("99.s", "Scaled", "code", 1, "Scaled", tried, mistakes), Scaled, 0)
    kept = {m.name: any(out.gradients for out in m.outcomes) for m in made.mistakes}
    assert (kept["tripled"], kept["detached"]) == (False, True)
    assert [judge(made, m.answer).mistake_name for m in mistakes] == ["tripled", "detached"]
    assert [made.named(m.outcomes).name for m in made.mistakes[:2]] == ["tripled", "detached"]


def test_what_a_mistake_has_right_is_kept_as_the_reference_has_it():
    def late(x):
        return 2 * x * (1 + 1e-7) if len(x) < 5 else 3 * x

    made = sheet(Mistake("late", late, {}, "a long row is tripled", HINTS))
    rows = zip(made.cases, made.expected, made.mistakes[0].outcomes, strict=True)
    assert [torch.equal(want.values[0], got.values[0]) for case, want, got in rows] == [
        len(case.calls[0].args[0]) < 5 for case in made.cases
    ]


def test_a_mistake_that_edits_its_input_does_not_name_an_answer_that_does_not():
    def edits(x):
        x *= 2
        return x

    def own_copy(x):
        y = x.exp()
        z = y * y
        y *= 2
        return z.log()

    def flowing(generator):
        return [*cases(generator), case("flows", torch.rand(4, generator=generator), grad=True)]

    known = Mistake("edits-x", edits, {}, "the input is edited in place", HINTS)
    made = make_sheet(Exercise("99.twice", "T", "code", 1, "right", flowing, [known]), right, 0)
    assert judge(made, edits).mistake_name == "edits-x"
    verdict = judge(made, own_copy)
    assert verdict.state == "crashed" and "modified by an inplace operation" in verdict.crash[0]


def test_a_list_edited_in_place_is_named_whether_it_or_a_copy_comes_back():
    def edits(ids):
        ids[:] = [i for i in ids if i]
        return ids

    def copies(ids):
        return [*edits(ids)]

    known = Mistake("edits", edits, {}, "the input is edited in place", HINTS)
    exercise = Exercise(
        "99.kept",
        "T",
        "code",
        1,
        "right",
        lambda _: [case(f"{ids}", ids) for ids in ([1, 0], [1, 2])],
        [known],
    )
    made = make_sheet(exercise, lambda ids: [*filter(None, ids)], 0)
    assert judge(made, edits).mistake_name == judge(made, copies).mistake_name == "edits"
    assert judge(made, lambda ids: [*filter(None, ids)] if 0 in ids else ids).mistake is None
