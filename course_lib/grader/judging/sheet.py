"""Answer sheets: what a key gives for one seed. Checking needs a sheet and knows no chapter."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch

from .again import called_again
from .cases import Case
from .compare import differences
from .inputs import parameters
from .key import Exercise, Mistake
from .outcome import Outcome, run_case
from .rounding import noise
from .terms import Terms, exactly


@dataclass(frozen=True)
class Recorded:
    """A named mistake, or a pair of them, and what it does with each case of a sheet."""

    name: str
    says: str
    hints: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    parts: tuple[str, ...] = ()  # of a pair: the names of its two mistakes

    @property
    def pair(self) -> bool:
        """Are these two mistakes at once?"""
        return bool(self.parts)


@dataclass(frozen=True)
class Sheet:
    """Cases, the right outcomes and every mistake's outcomes, all drawn from one seed.

    `parameters` are those of each method that is called, `others` the names that other exercises
    of the chapter define, with their ids.
    """

    id: str
    title: str
    kind: str
    points: int
    name: str
    properties: tuple[str, ...]
    bans: tuple[str, ...]
    seed: int
    parameters: dict[str, tuple[str, ...]]
    cases: tuple[Case, ...]
    expected: tuple[Outcome, ...]
    terms: tuple[Terms, ...]
    mistakes: tuple[Recorded, ...]
    stub: str = ""
    solution: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)

    def named(self, found: tuple[Outcome, ...]) -> Recorded | None:
        """The mistake that gives these outcomes on every case.

        A single mistake goes before a pair. When several pairs fit, two mistakes hide each other:
        then the single one is named that most of them share, the first of the key when in doubt.
        """
        known = [m for m in self.mistakes if self.agrees(m.outcomes, found)]
        if not known or not known[0].pair or len(known) == 1:
            return known[0] if known else None
        shared = Counter(name for pair in known for name in pair.parts)
        singles = [m for m in self.mistakes if m.name in shared and not m.pair]
        return max(singles, key=lambda m: shared[m.name])

    def agrees(self, outcomes: tuple[Outcome, ...], found: tuple[Outcome, ...]) -> bool:
        """Do two rows of outcomes agree on every case, within the sheet's tolerances?"""
        return not any(map(differences, outcomes, found, self._near))

    @cached_property
    def _near(self) -> list[Terms]:
        # Where a mistake has exact zeros, another spelling of it may round.
        return [replace(terms, exact_zeros=False) for terms in self.terms]


def make_sheet(exercise: Exercise, solution: Callable, seed: int) -> Sheet:
    """Draw the cases and record the solution's and every mistake's outcomes."""
    sheet = bare_sheet(exercise, solution, seed)
    return replace(sheet, mistakes=tuple(_mistakes(exercise, sheet)))


def bare_sheet(exercise: Exercise, solution: Callable, seed: int) -> Sheet:
    """A sheet that knows what is right and names no mistake, for a small part of the time."""
    generator = torch.Generator().manual_seed(seed)
    drawn = exercise.cases(generator)
    # Shuffled, or the answers True, False, False could be learned by their order.
    order = torch.randperm(len(drawn), generator=generator).tolist()
    cases = tuple(drawn[i] for i in order)
    second = exercise.cases(generator)
    expected = _record(solution, cases)
    sound = [case for case, outcome in zip(cases, expected, strict=True) if not outcome.raised]
    again = called_again(solution, sound, {case.label: case for case in second})
    cases, expected = (*cases, *again), (*expected, *_record(solution, again))
    expected = tuple(replace(outcome, what="") for outcome in expected)
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
        cases=cases,
        expected=expected,
        terms=_terms(exercise, solution, cases, expected),
        mistakes=(),
        values=dict(exercise.values),
        hints=exercise.hints,
    )


def _terms(
    exercise: Exercise, solution: Callable, cases: tuple[Case, ...], expected: tuple[Outcome, ...]
) -> tuple[Terms, ...]:
    """On which terms an answer agrees with the reference, case by case."""
    legal = any(None in outcome.values for outcome in expected)
    usual = replace(exercise.terms, none_is_legal=legal)
    return tuple(
        exactly(usual) if case.exact else replace(usual, noise=noise(solution, case, outcome))
        for case, outcome in zip(cases, expected, strict=True)
    )


def _record(answer: Callable, cases: Iterable[Case], **asked: bool) -> tuple[Outcome, ...]:
    return tuple(replace(run_case(answer, case, **asked), crash=(), kinds=()) for case in cases)


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
    many = sheet.cases[0].state is not None  # gradients of every weight would fill the sheet
    outcomes = _record(mistake.answer, sheet.cases, gradients=not many)
    stops = _stops(outcomes, sheet)
    bare = [replace(outcome, gradients=()) for outcome in sheet.expected]
    rows = zip(stops, bare, outcomes, sheet.terms, strict=True)
    if not any(not stop and differences(*row) for stop, *row in rows):
        # No value tells this mistake: it must be this very error, or this gradient.
        outcomes = _record(mistake.answer, sheet.cases) if many else outcomes
        stops = _stops(outcomes, sheet)
        pairs = zip(outcomes, stops, strict=True)
        outcomes = tuple(out if stop else replace(out, what="") for out, stop in pairs)
    else:
        outcomes = tuple(replace(outcome, what="") for outcome in outcomes)
        if many:
            outcomes = tuple(replace(outcome, gradients=()) for outcome in outcomes)
    rows = zip(sheet.expected, outcomes, sheet.terms, strict=True)
    outcomes = tuple(_as_expected(*row) for row in rows)
    return Recorded(mistake.name, mistake.says, mistake.hints, outcomes)


def _as_expected(want: Outcome, got: Outcome, terms: Terms) -> Outcome:
    """What is right of a mistake, as the reference has it: a file holds equal tensors once."""
    bare = want if got.gradients else replace(want, gradients=())
    return bare if got.values and not differences(bare, got, terms) else got
