"""Answer sheets made from a key: the cases drawn, the solution and every mistake tried on them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import torch

from .again import Drawn, called_again
from .cases import Case
from .compare import differences
from .errors.crash import RAISED, STOPPED
from .inputs import parameters
from .key import Exercise, Mistake
from .later import Later
from .orders import made_by_order
from .outcome import Outcome, run_case
from .rounding import noise
from .sheet import Recorded, Sheet
from .terms import Terms, exactly
from .written import numbers_of


def make_sheet(exercise: Exercise, solution: Callable, seed: int) -> Sheet:
    """Draw the cases and record the solution's and every mistake's outcomes.

    The mistakes are tried when somebody asks for them: an answer that is right needs none.
    """
    sheet = bare_sheet(exercise, solution, seed)
    return replace(sheet, mistakes=Later(partial(_mistakes, exercise, sheet)))


def bare_sheet(exercise: Exercise, solution: Callable, seed: int) -> Sheet:
    """A sheet that knows what is right and names no mistake, for a small part of the time."""
    generator = torch.Generator().manual_seed(seed)
    drawn = list(made_by_order(solution, exercise.cases(generator)))
    # Shuffled, or the answers True, False, False could be learned by their order.
    order = torch.randperm(len(drawn), generator=generator).tolist()
    cases = tuple(drawn[i] for i in order)
    second = Drawn(made_by_order(solution, exercise.cases(generator)))
    expected = _expected(solution, cases)
    pairs = zip(cases, expected, strict=True)
    sound = [case for case, outcome in pairs if not outcome.raised and not case.at_least]
    again = called_again(solution, sound, second)
    cases, expected = (*cases, *again), (*expected, *_expected(solution, again))
    return Sheet(
        id=exercise.id,
        title=exercise.title,
        kind=exercise.kind,
        points=exercise.points,
        name=exercise.name,
        properties=exercise.properties,
        bans=exercise.bans,
        seed=seed,
        parameters=parameters(solution, cases),
        cases=tuple(replace(case, target=None, at_least=0.0) for case in cases),
        expected=expected,
        terms=_terms(exercise, solution, cases, expected),
        mistakes=(),
        numbers=tuple(sorted(numbers_of(exercise.also_right))),
        values=dict(exercise.values),
        hints=exercise.hints,
        seconds=exercise.seconds,
        wall=exercise.wall,
    )


def _terms(
    exercise: Exercise, solution: Callable, cases: tuple[Case, ...], expected: tuple[Outcome, ...]
) -> tuple[Terms, ...]:
    """On which terms an answer agrees with the reference, case by case."""
    legal = any(None in outcome.values for outcome in expected)
    usual = replace(exercise.terms, none_is_legal=legal)
    pairs = zip(cases, expected, strict=True)
    return tuple(_of_case(usual, solution, case, outcome) for case, outcome in pairs)


def _of_case(usual: Terms, solution: Callable, case: Case, outcome: Outcome) -> Terms:
    if case.at_least:
        return Terms(at_least=case.at_least)
    return exactly(usual) if case.exact else replace(usual, noise=noise(solution, case, outcome))


def _expected(solution: Callable, cases: Iterable[Case]) -> tuple[Outcome, ...]:
    """What is right: what the solution gives, or the target of what is scored."""
    outcomes = (
        Outcome((case.target,)) if case.at_least else run_case(solution, case) for case in cases
    )
    return tuple(replace(outcome, crash=(), kinds=(), what="") for outcome in outcomes)


def _tried(answer: Callable, sheet: Sheet, **asked: bool) -> tuple[Outcome, ...]:
    """What a mistake does with each case; not with what is scored, which would take too long."""
    outcomes = (
        Outcome() if terms.at_least else run_case(answer, case, **asked)
        for case, terms in zip(sheet.cases, sheet.terms, strict=True)
    )
    return tuple(replace(outcome, crash=(), kinds=()) for outcome in outcomes)


def _mistakes(exercise: Exercise, sheet: Sheet) -> list[Recorded]:
    """The named mistakes, then every two of them that are flags of one function."""
    singles = [_recorded(mistake, sheet) for mistake in exercise.mistakes]
    pairs = [
        replace(_recorded(one.joined(other), sheet), parts=(one.name, other.name))
        for one, other in exercise.pairs()
    ]
    # A pair that stops on a case says less than the exception does.
    return singles + [pair for pair in pairs if not any(_stops(pair.outcomes, sheet))]


def _stops(outcomes: tuple[Outcome, ...], sheet: Sheet) -> list[bool]:
    """On which cases something raises though the reference doesn't."""
    pairs = zip(outcomes, sheet.expected, strict=True)
    return [bool(got.raised and not want.raised) for got, want in pairs]


def _recorded(mistake: Mistake, sheet: Sheet) -> Recorded:
    many = any(
        case.state is not None for case in sheet.cases
    )  # gradients of every weight would fill the sheet
    outcomes = _tried(mistake.answer, sheet, gradients=not many)
    stops = _stops(outcomes, sheet)
    bare = [replace(outcome, gradients=()) for outcome in sheet.expected]
    rows = zip(stops, bare, outcomes, sheet.terms, strict=True)
    if not any(not stop and _told(*row) for stop, *row in rows):
        # No value tells this mistake: it must be this very error, or this gradient.
        outcomes = _tried(mistake.answer, sheet) if many else outcomes
        stops = _stops(outcomes, sheet)
        pairs = zip(outcomes, stops, strict=True)
        outcomes = tuple(out if stop else replace(out, what="") for out, stop in pairs)
    else:
        outcomes = tuple(replace(outcome, what=_loosely(outcome)) for outcome in outcomes)
        if many:
            outcomes = tuple(replace(outcome, gradients=()) for outcome in outcomes)
    rows = zip(sheet.expected, outcomes, sheet.terms, strict=True)
    outcomes = tuple(_as_expected(*row) for row in rows)
    return Recorded(mistake.name, mistake.says, mistake.hints, outcomes)


def _loosely(outcome: Outcome) -> str:
    """Where values tell a mistake, whatever stops by itself may stop with any error."""
    return STOPPED if outcome.raised and outcome.what not in ("", RAISED) else ""


def _told(want: Outcome, got: Outcome, terms: Terms) -> bool:
    return not terms.at_least and bool(differences(want, got, terms))


def _as_expected(want: Outcome, got: Outcome, terms: Terms) -> Outcome:
    """What is right of a mistake, as the reference has it: a file holds equal tensors once."""
    bare = want if got.gradients else replace(want, gradients=())
    return bare if got.values and not differences(bare, got, terms) else got
