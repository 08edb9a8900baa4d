"""Whether a training goes wrong at its first step: what is said of it, and when it is so."""

from typing import Any

from ..compare import compare
from ..edits import trains
from ..outcome import Outcome
from ..terms import Terms
from ..trees import leaves

MOVES = (
    "all is right before the first step, and after it no more: look at how the weights move, "
    "which batch comes next, and what else stays from one call to the next"
)


def moves_otherwise(want: Outcome, found: Outcome, terms: Terms) -> bool:
    """Is a training's first loss right, and as much told after it as there should be?

    Not where all losses of several steps are right, or all else that is told of them: then the
    weights move as they should. Nor where the first step's own dict or number is wrong: that is
    from before it.
    """
    if not trains(want) or len(leaves(want.values)) != len(leaves(found.values)):
        return False
    steps, told = (_steps(outcome.values[0]) for outcome in (want, found))
    if steps and compare(steps[0], told[0] if told else None, terms):
        return False
    numbers = [pair for pair in zip(want.values, found.values, strict=False) if _number(pair)]
    if numbers and compare(*numbers[0], terms):
        return False
    lists, others = (_lists(outcome.values[:1]) for outcome in (want, found))
    if lists and len(lists[0]) > 1 and not compare(lists[0], others[0], terms):
        return False
    if len(lists) > 2 and not compare(lists[1:], others[1:], terms):
        return False
    # Several lists, such as losses and norms, begin before the step; the last may judge after it.
    before = zip(lists[1:-1], others[1:-1], strict=False)
    if any(compare(a[:1], b[:1], terms) for a, b in before):
        return False
    return not compare(leaves(want.values)[0], leaves(found.values)[0], terms)


def _number(pair: tuple) -> bool:
    return isinstance(pair[0], float)


def _steps(value: Any) -> list[dict]:
    """The dicts of a training that tells one for each step; none where it tells something else."""
    listed = isinstance(value, list | tuple) and all(isinstance(step, dict) for step in value)
    return list(value) if listed else []


def _lists(value: Any) -> list:
    """A tree's lists that hold no other list, in order."""
    if not isinstance(value, list | tuple):
        return []
    inner = [found for part in value for found in _lists(part)]
    return inner or [value]
