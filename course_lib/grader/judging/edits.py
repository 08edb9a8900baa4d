"""Inputs and weights that an answer changed and should not have: in place, or by sharing."""

from .outcome import BACK, ONE, Outcome

EDITED = "your code changed its input in place ({}): work on a copy, or make a new one"
RETURNED = (
    "your code returns the list that came in ({}), not a new one: what changes one changes both"
)
SHARED = "{} and {} are one and the same in your code: what is made once is one, in all its places"
CALLED = "call "  # how an argument of a call is named; a weight goes by its own name


def edits(expected: Outcome, found: Outcome) -> list[str]:
    """What `found` changed in place and should not have.

    Where weights are trained, one whose gradient is 0 but for rounding may move or stay.
    """
    more = [name for name in found.changed if name not in expected.changed]
    return [name for name in more if name.startswith(CALLED)] if trains(expected) else more


def trains(expected: Outcome) -> bool:
    """Do weights move, as they do where a case trains a module?"""
    return any(not name.startswith(CALLED) for name in expected.changed)


def edited(expected: Outcome, found: Outcome) -> tuple[str, ...]:
    """What to say of the first of these, if there is one."""
    return tuple(map(_told, edits(expected, found)[:1]))


def _told(name: str) -> str:
    if name.endswith(BACK):
        return RETURNED.format(name.removesuffix(BACK))
    return SHARED.format(*name.split(ONE)) if ONE in name else EDITED.format(name)


def only_returned(told: tuple[str, ...]) -> bool:
    """Is it a list that came back, unchanged? What was edited is told before that."""
    return told[0].startswith(RETURNED.partition("(")[0])
