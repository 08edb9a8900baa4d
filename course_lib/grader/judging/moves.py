"""Whether a training goes wrong at its first step: what is said of it, and when it is so."""

from typing import Any

from .compare import compare
from .edits import trains
from .outcome import Outcome
from .terms import Terms
from .trees import leaves

MOVES = (
    "all is right before the first step, and after it no more: look at how the weights move, and "
    "at which batch comes next"
)


def moves_otherwise(want: Outcome, found: Outcome, terms: Terms) -> bool:
    """Is a training's first loss right, and as much told after it as there should be?

    Not where all losses of several steps are right: then the weights move as they should.
    """
    if not trains(want) or len(leaves(want.values)) != len(leaves(found.values)):
        return False
    losses, others = _first_list(want.values), _first_list(found.values)
    if len(losses) > 1 and not compare(losses, others, terms):
        return False
    return not compare(leaves(want.values)[0], leaves(found.values)[0], terms)


def _first_list(value: Any) -> Any:
    """The first of a tree's lists that holds no other list."""
    while isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
        value = value[0]
    return value if isinstance(value, list | tuple) else ()
