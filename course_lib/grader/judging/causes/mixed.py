"""Where some failing cases stop and others have a result: what is told of the second kind."""

from collections.abc import Sequence

from ..errors.crash import brief, meaning
from ..outcome import Outcome
from ..sheet import Sheet

Failing = Sequence[tuple[int, tuple[str, ...]]]


def comparable(sheet: Sheet, found: tuple[Outcome, ...], failing: Sequence[int]) -> list[int]:
    """The failing cases that may be held against those of mistakes.

    All of them where the first has a result; where it stops, those that have one, if they are most.
    """
    if not failing or not _stops(sheet, found, failing[0]):
        return list(failing)
    results = [i for i in failing if not found[i].raised]
    return results if 2 * len(results) > len(failing) else []


def elsewhere(sheet: Sheet, found: tuple[Outcome, ...], failing: Failing) -> list[str]:
    """That others stop, where the smallest failing case has a result; and the other way round."""
    asked = [(i, told) for i, told in failing if not sheet.expected[i].raised]
    stopped = [i for i, _ in asked if found[i].crash]
    if not stopped:
        return []
    if not _stops(sheet, found, failing[0][0]):
        crash, what = brief(found[stopped[0]].crash), found[stopped[0]].what
        told = f"{len(stopped)} of {len(asked)} failing cases stop, the first with {crash[0]}"
        return [told, *meaning(crash, sheet.others, what)]
    results = [(i, told) for i, told in asked if not found[i].raised]
    if not results:
        return []
    index, told = results[0]
    many = f"{len(results)} of {len(asked)} failing cases have a result, and it is wrong"
    return [f"{many}; the smallest is: {sheet.cases[index].label}", told[0]]


def _stops(sheet: Sheet, found: tuple[Outcome, ...], index: int) -> bool:
    return bool(found[index].crash) and not sheet.expected[index].raised
