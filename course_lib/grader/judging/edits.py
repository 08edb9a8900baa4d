"""Inputs and weights that an answer changed in place and should not have."""

from .outcome import Outcome

EDITED = "your code changed its input in place ({}): work on a copy, or make a new tensor"
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
