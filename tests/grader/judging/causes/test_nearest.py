"""A wrong answer that shares most of what is wrong with a known mistake, and only then."""

import time

import torch

from course_lib.grader.judging.key import Exercise, Mistake, case
from course_lib.grader.judging.making import make_sheet
from course_lib.grader.judging.outcome import run_case
from course_lib.grader.judging.verdict import judge, judge_outcomes

HINTS = ("Look at one row.", "What is its sum?", "Which axis is it?")
SAYS = "your rows are added, not averaged"


def right(x):
    return x.mean(dim=-1)


def summed(x):
    return x.sum(dim=-1)


def largest(x):
    return x.amax(dim=-1)


def lost(x):
    return right(x) * torch.nan


def cases(generator):
    shapes = ((2, 3), (3, 5), (4, 2), (5, 7))
    drawn = [case(f"{shape}", torch.randn(shape, generator=generator)) for shape in shapes]
    return [*drawn, case("a single column", torch.randn(3, 1, generator=generator))]


def sheet(*functions):
    mistakes = [Mistake(f.__name__, f, {}, f"{f.__name__}: {SAYS}", HINTS) for f in functions]
    return make_sheet(Exercise("99.x", "T", "code", 1, "right", cases, mistakes), right, 0)


def unlike_where(condition, usual):
    return lambda x: x.sin().sum(dim=-1) if condition(x) else usual(x)


def test_what_most_cases_share_is_said_without_a_name():
    made = sheet(largest, summed)
    verdict = judge(made, unlike_where(lambda x: x.shape[1] == 7, summed))
    assert verdict.mistake_name is None and verdict.hints == HINTS
    failing = len(made.cases) - int(verdict.summary.split()[0])
    assert verdict.mistake == f"summed: {SAYS} (so in {failing - 1} of {failing} failing cases)"


def test_it_is_said_where_the_smallest_case_stops_and_most_have_a_result():
    def stops(x):
        return summed(x) if x.shape[1] > 1 else x.no_such_thing

    made = sheet(largest, summed)
    verdict = judge(made, stops)
    stopping = [c for c in made.cases if any(call.args[0].shape[1] == 1 for call in c.calls)]
    failing = len(made.cases) - int(verdict.summary.split()[0])
    assert verdict.state == "crashed" and "no_such_thing" in verdict.crash[0]
    same = failing - len(stopping)
    assert verdict.mistake == f"summed: {SAYS} (so in {same} of {failing} failing cases)"
    told = f"{same} of {failing} failing cases have a result, and it is wrong"
    assert any(line.startswith(told) for line in verdict.details)


def test_it_is_not_said_where_most_stop():
    made = sheet(largest, summed)
    verdict = judge(made, lambda x: summed(x) if x.shape[1] > 5 else x.no_such_thing)
    assert verdict.mistake is None
    assert any("have a result, and it is wrong" in line for line in verdict.details)


def test_what_fits_everywhere_has_its_name():
    assert judge(sheet(largest, summed), summed).mistake == f"summed: {SAYS}"


def test_little_in_common_is_none():
    made = sheet(largest, summed)
    assert judge(made, unlike_where(lambda x: len(x) < 5, summed)).mistake is None


def test_a_mistake_with_far_more_wrong_is_none():
    """What is right where a mistake is wrong is as telling as what they share."""
    made = sheet(largest, summed)
    assert judge(made, lambda x: summed(x) if len(x) == 5 else right(x)).mistake is None


def test_rows_of_nan_are_the_same_from_everything():
    assert judge(sheet(lost), unlike_where(lambda x: len(x) == 2, lost)).mistake is None


def test_truths_that_many_mistakes_share_tell_nothing():
    def truth(x):
        return bool(x.sum() > 0)

    def wrong(x):
        return not truth(x)

    def drawn(generator):
        return [case(f"{i}", torch.randn(3, generator=generator)) for i in range(7)]

    mistakes = [Mistake(f"m{i}", wrong, {}, SAYS, HINTS) for i in range(5)]
    made = make_sheet(Exercise("99.x", "T", "code", 1, "truth", drawn, mistakes), truth, 0)
    smallest = min(float(c.calls[0].args[0][0]) for c in made.cases)
    answer = lambda x: truth(x) if float(x[0]) == smallest else wrong(x)  # noqa: E731
    assert judge(made, answer).mistake is None


def test_counts_that_are_one_off_tell_nothing():
    def count(n):
        return n

    def more(n):
        return n + 1 if n < 9 else n + 5

    def drawn(generator):
        return [case(f"{n}", n) for n in (2, 4, 6, 8, 11)]

    mistake = Mistake("more", more, {}, SAYS, HINTS)
    made = make_sheet(Exercise("99.x", "T", "code", 1, "count", drawn, [mistake]), count, 0)
    assert judge(made, more).mistake == SAYS
    assert judge(made, lambda n: n + 1).mistake is None
    assert judge(made, lambda n: more(n) if n != 2 else n + 3).mistake is None


def test_a_list_of_very_many_results_takes_no_time_to_explain():
    made = sheet(largest, summed)
    judge(made, lambda x: [x])  # what mistakes give is worked out the first time
    found = tuple(run_case(lambda x: [x] * 5_000, c, gradients=False) for c in made.cases)
    began = time.process_time()
    assert judge_outcomes(made, found).state == "wrong"
    assert time.process_time() - began < 3  # of each result, it was half a millisecond
