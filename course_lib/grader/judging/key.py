"""Answer keys: what an exercise asks, the cases that try it, the mistakes it can name."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, update_wrapper
from typing import Any

from torch import Generator

from .cases import Call, Case, call, case
from .edges import Edges
from .terms import Terms

__all__ = ["Call", "Case", "Edges", "Exercise", "Mistake", "call", "case", "told_of"]

KINDS = ("code", "bug", "predict", "test", "build")


@dataclass(frozen=True)
class Mistake:
    """A wrong implementation that learners really write, with what to say about it.

    The implementation is `function` with `flags` fixed, and with the `values` of the student's own
    exercise. Mistakes that share one function are also recognised two at a time.
    """

    name: str
    function: Callable
    flags: dict[str, Any]
    says: str
    hints: tuple[str, str, str]
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.hints) != 3:
            raise ValueError(f"mistake {self.name!r} needs 3 hints, got {len(self.hints)}")

    @property
    def answer(self) -> Callable:
        """The wrong implementation, to be called like a learner's."""
        return partial(self.function, **{**self.values, **self.flags})

    def joined(self, other: "Mistake") -> "Mistake":
        """Both mistakes at once; they must be flags of one function."""
        return Mistake(
            f"{self.name} + {other.name}",
            self.function,
            self.flags | other.flags,
            f"two things happen at once: {self.says}; and {other.says}",
            (
                f"Start with the first. {self.hints[0]}",
                f"Then the second. {other.hints[0]}",
                f"{self.hints[2]} {other.hints[2]}",
            ),
            self.values,
        )


def told_of(function: Callable, flag: str | None = None) -> Callable[..., Mistake]:
    """What makes the mistakes of one function, from a name, flags, what to say and three hints.

    With `flag`, the second is the value of this one flag.
    """

    def mistake(name: str, given: Any, says: str, *hints: str) -> Mistake:
        return Mistake(name, function, given if flag is None else {flag: given}, says, hints)

    return mistake


@dataclass(frozen=True)
class Exercise:
    """One exercise: its identity, its cases and its named mistakes.

    `name` is what the learner defines. `cases` draws the cases from a generator. `axes` names the
    output's axes for feedback on shapes. `properties` are keys of `properties.PROPERTIES`.
    `bans` are names, PyTorch's own equivalents, that an answer may not use.
    `also_right` holds right answers written differently, which the tests hold against the key.
    `rtol` and `atol` are for float32 and numbers; half precision gets what it can do at best,
    unless `tolerances` says (rtol, atol) for a dtype's name. With `exact_zeros`, what is exactly 0
    in the reference must be exactly 0. With `any_sequence`, a list may stand for a tuple;
    with `plain_numbers`, a tensor without axes for no number.
    `hints` are three general ones, for a crash and for a wrong answer that no mistake names.
    `allows` declares the edges of what the text allows; each needs a case.

    `choices` are values that may differ from student to student, by name; the first of each is what
    everybody else gets. `cases`, mistakes and `also_right` receive them as keyword arguments.

    `seconds` is the processor time that an answer's own calls may take when it is graded, and
    `wall` what all may take by the clock, imports and waiting included.
    """

    id: str
    title: str
    kind: str
    points: int
    name: str
    cases: Callable[[Generator], Iterable[Case]]
    mistakes: Sequence[Mistake]
    also_right: Sequence[Callable] = ()
    axes: str = ""
    properties: tuple[str, ...] = ()
    bans: tuple[str, ...] = ()
    rtol: float = 1e-4
    atol: float = 1e-5
    tolerances: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    exact_zeros: bool = False
    any_sequence: bool = False
    plain_numbers: bool = False
    choices: Mapping[str, tuple] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    allows: Edges | None = None
    seconds: float = 5.0
    wall: float = 30.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d\d\.[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise ValueError(f"an exercise id reads like 02.attention-weights, got {self.id!r}")
        if self.kind not in KINDS:
            raise ValueError(
                f"{self.id}: kind must be one of {', '.join(KINDS)}; got {self.kind!r}"
            )
        names = [mistake.name for mistake in self.mistakes]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.id}: two mistakes share a name: {sorted(names)}")
        if len(set(self.hints)) not in (0, 3):
            raise ValueError(f"{self.id} needs 3 general hints, got {len(set(self.hints))}")
        for name, there in self.choices.items():
            if len(set(there)) != len(there) or len(there) < 2:
                raise ValueError(f"{self.id}: {name} needs two different choices, got {there}")

    @property
    def terms(self) -> Terms:
        """On which terms an answer agrees with the reference."""
        tolerances = dict(self.tolerances)
        kinds = {"any_sequence": self.any_sequence, "plain_numbers": self.plain_numbers}
        return Terms(self.rtol, self.atol, tolerances, self.exact_zeros, axes=self.axes, **kinds)

    @property
    def chapter(self) -> str:
        """The chapter's number, as in the id."""
        return self.id[:2]

    def with_values(self, values: Mapping[str, Any]) -> "Exercise":
        """This exercise with these values, and the usual one for each name that is left out.

        Raises ValueError for a name without choices.
        """
        if unknown := set(values) - set(self.choices):
            raise ValueError(f"{self.id} has no value {sorted(unknown)[0]!r}")
        if not self.choices:
            return self
        values = {name: usual for name, (usual, *_) in self.choices.items()} | dict(values)
        return replace(
            self,
            values=values,
            cases=_fixed(self.cases, values),
            mistakes=[replace(mistake, values=values) for mistake in self.mistakes],
            also_right=[_fixed(other, values) for other in self.also_right],
        )

    def pairs(self) -> list[tuple[Mistake, Mistake]]:
        """Every two mistakes that are different flags of one function."""
        return [
            (first, second)
            for i, first in enumerate(self.mistakes)
            for second in self.mistakes[i + 1 :]
            if first.function is second.function
            and first.flags
            and second.flags
            and not first.flags.keys() & second.flags.keys()
        ]


def _fixed(function: Callable, values: Mapping[str, Any]) -> Callable:
    return update_wrapper(partial(function, **values), function)
