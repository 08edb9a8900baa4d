"""Answer sheets: what a key gives for one seed. Checking needs a sheet and knows no chapter."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import Tensor

from .cases import Case
from .compare import differences
from .edits import edits
from .flat import shallow
from .frames import nested
from .outcome import BACK, Outcome
from .terms import Terms


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
    of the chapter define, with their ids; `numbers` are those in the key's right answers, `seconds`
    is the processor time for an answer's calls, `wall` what it may take by the clock.
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
    mistakes: Sequence[Recorded]
    stub: str = ""
    solution: str = ""
    numbers: tuple[int | float, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)
    seconds: float = 5.0
    wall: float = 30.0

    def named(self, found: tuple[Outcome, ...]) -> Recorded | None:
        """The mistake that gives these outcomes on every case.

        A single mistake goes before a pair. When several pairs fit, two mistakes hide each other:
        then the single one is named that most of them share, the first of the key when in doubt.
        """
        scored = any(terms.at_least for terms in self.terms)
        if scored and self.agrees(self.expected, found):  # what can be compared is right
            return None
        known = [m for m in self.mistakes if _edits_alike(m.outcomes, found)]
        known = [m for m in known if self.agrees(m.outcomes, found)]
        if not known or not known[0].pair or len(known) == 1:
            return known[0] if known else None
        shared = Counter(name for pair in known for name in pair.parts)
        singles = [m for m in self.mistakes if m.name in shared and not m.pair]
        return max(singles, key=lambda m: shared[m.name])

    def agrees(self, outcomes: tuple[Outcome, ...], found: tuple[Outcome, ...]) -> bool:
        """Do two rows of outcomes agree on every case, within the sheet's tolerances?

        What is only scored tells no mistake from another.
        """
        rows = zip(outcomes, found, self._near, strict=True)
        return not any(differences(*row) for row in rows if not row[-1].at_least)

    @cached_property
    def to_run(self) -> Tensor:
        """Its cases as bytes for whoever runs an answer; labels would tell what is right."""
        return nested([shallow(replace(case, label="")) for case in self.cases])

    @cached_property
    def singles(self) -> list[Recorded]:
        """The mistakes by themselves."""
        return [known for known in self.mistakes if not known.pair]

    @cached_property
    def in_values(self) -> list[set[int]]:
        """For each of these, the cases in whose values it shows; those of a module keep no more."""
        return [self._shown(known) for known in self.singles]

    def _shown(self, known: Recorded) -> set[int]:
        rows = zip(self.expected, known.outcomes, self.terms, strict=True)
        return {
            i
            for i, (want, got, terms) in enumerate(rows)
            if not terms.at_least and got.values and differences(want.bare, got.bare, terms)
        }

    @cached_property
    def _near(self) -> list[Terms]:
        # Where a mistake has exact zeros, another spelling of it may round.
        return [replace(terms, exact_zeros=False) for terms in self.terms]


def _edits_alike(outcomes: tuple[Outcome, ...], found: tuple[Outcome, ...]) -> bool:
    """Does an answer change inputs in place wherever a mistake does?"""
    pairs = zip(outcomes, found, strict=True)
    whole = [(known, got) for known, got in pairs if known.changed and not got.changed]
    whole = [(known, got) for known, got in whole if not (known.raised or got.raised)]
    told = [name for known, got in whole for name in edits(got, known)]
    return all(name.endswith(BACK) for name in told)
