"""Where one True or False is asked for, a wrong one says nothing: what the wrong cases try does."""

from collections.abc import Sequence

from ..again import AGAIN
from ..outcome import Outcome
from ..sheet import Sheet

SHOWN = 4  # cases, each of which is told in up to a line


def other_truths(sheet: Sheet, found: Sequence[Outcome], failing: Sequence[int]) -> list[str]:
    """What the failing cases behind the first try, those that are let through by themselves."""
    if not all(isinstance(x, bool) for outcome in sheet.expected for x in outcome.values):
        return []
    labels: dict[bool, list[str]] = {}
    for i in failing[1:]:
        # `is` and not `==`: 1 is no True, and that is told by itself.
        one = [value for value in found[i].values if value is True or value is False]
        if len(one) == 1 == len(found[i].values) and not sheet.cases[i].label.startswith(AGAIN):
            labels.setdefault(one[0], []).append(sheet.cases[i].label)
    return [_told(got, [*dict.fromkeys(labels[got])]) for got in sorted(labels)]


def _told(got: bool, labels: list[str]) -> str:
    more = [f"and {len(labels) - SHOWN} more"] if len(labels) > SHOWN else []
    return f"also {got} instead of {not got}: " + "; ".join([*labels[:SHOWN], *more])
