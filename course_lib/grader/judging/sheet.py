"""Answer sheets: what a key gives for one seed. Checking needs a sheet and knows no chapter."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from .compare import differences
from .key import Case, Exercise, Mistake
from .outcome import Outcome, leaves, run_case


@dataclass(frozen=True)
class Recorded:
    """A named mistake and what it does with each case of a sheet."""

    name: str
    says: str
    hints: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    pair: bool = False


@dataclass(frozen=True)
class Sheet:
    """Cases, the right outcomes and every mistake's outcomes, all drawn from one seed."""

    id: str
    title: str
    kind: str
    points: int
    name: str
    axes: str
    properties: tuple[str, ...]
    bans: tuple[str, ...]
    rtol: float
    atol: float
    seed: int
    parameters: tuple[str, ...]
    cases: tuple[Case, ...]
    expected: tuple[Outcome, ...]
    mistakes: tuple[Recorded, ...]
    stub: str = ""
    solution: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def named(self, found: tuple[Outcome, ...]) -> Recorded | None:
        """The mistake that gives these outcomes on every case.

        A single mistake goes before a pair, and a pair is named only if no other pair fits: two
        mistakes can hide each other.
        """
        known = [m for m in self.mistakes if self.agrees(m.outcomes, found)]
        single = next((m for m in known if not m.pair), None)
        return single or (known[0] if len(known) == 1 else None)

    def agrees(self, outcomes: tuple[Outcome, ...], found: tuple[Outcome, ...]) -> bool:
        """Do two rows of outcomes agree on every case, within the sheet's tolerances?"""
        pairs = zip(outcomes, found, strict=True)
        return not any(
            differences(want, got, rtol=self.rtol, atol=self.atol) for want, got in pairs
        )


def make_sheet(exercise: Exercise, solution: Callable, seed: int) -> Sheet:
    """Draw the cases and record the solution's and every mistake's outcomes.

    Raises ValueError when the solution itself fails on a case that it should pass.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = exercise.cases(generator)
    # Shuffled, or the answers True, False, False could be learned by their order.
    cases = tuple(drawn[i] for i in torch.randperm(len(drawn), generator=generator).tolist())
    sheet = Sheet(
        exercise.id,
        exercise.title,
        exercise.kind,
        exercise.points,
        exercise.name,
        exercise.axes,
        exercise.properties,
        exercise.bans,
        exercise.rtol,
        exercise.atol,
        seed,
        _parameters(solution),
        cases,
        _record(solution, cases),
        (),
        values=dict(exercise.values),
    )
    return replace(sheet, mistakes=tuple(_mistakes(exercise, cases)))


def _record(answer: Callable, cases: tuple[Case, ...]) -> tuple[Outcome, ...]:
    return tuple(replace(run_case(answer, case), crash=()) for case in cases)


def _mistakes(exercise: Exercise, cases: tuple[Case, ...]) -> list[Recorded]:
    """The named mistakes, then every two of them that are flags of one function."""
    pairs = [_recorded(pair, cases, pair=True) for pair in exercise.pairs()]
    # A pair that raises on every case says nothing that the exception does not.
    telling = [p for p in pairs if any(not outcome.raised for outcome in p.outcomes)]
    return [_recorded(mistake, cases) for mistake in exercise.mistakes] + telling


def _recorded(mistake: Mistake, cases: tuple[Case, ...], *, pair: bool = False) -> Recorded:
    outcomes = _record(mistake.answer, cases)
    return Recorded(mistake.name, mistake.says, mistake.hints, outcomes, pair)


def _parameters(solution: Callable) -> tuple[str, ...]:
    target = solution.forward if hasattr(solution, "forward") else solution
    names = [name for name in inspect.signature(target).parameters if name != "self"]
    return tuple(names)


def sizes(sheet: Sheet, case: Case) -> str:
    """The inputs of a case in a few words: `query (3, 5), key (7, 5)`."""
    said = []
    for planned in case.calls[:1]:
        named = dict(zip(sheet.parameters, planned.args, strict=False)) | planned.kwargs
        said = [_size(name, value) for name, value in named.items()]
    return ", ".join(said)


def _size(name: str, value: object) -> str:
    if isinstance(value, torch.Tensor):
        if value.numel() <= 6:
            listed = [round(x, 3) for x in value.flatten().tolist()]
            return f"{name} {tuple(value.shape)} holding {listed}"
        return f"{name} {tuple(value.shape)}"
    return f"{name}={value!r}" if len(repr(value)) < 40 else name


def weight(case: Case) -> tuple[bool, int, float]:
    """How hard a case is to think about; the failing case that weighs least is shown.

    Extreme numbers in tensors come last, then it is how many there are, then plain numbers.
    """
    inputs = leaves([[c.args, c.kwargs] for c in case.calls])
    tensors = [x for x in inputs if isinstance(x, torch.Tensor)]
    plain = [abs(x) for x in inputs if isinstance(x, int | float) and x == x]
    extreme = any(x.numel() and not (x.float().abs() < 100).all() for x in tensors)
    return extreme, sum(x.numel() for x in tensors), sum(plain)
