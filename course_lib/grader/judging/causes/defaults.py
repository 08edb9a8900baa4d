"""A default that is another than the text's, or handled otherwise: told by which calls fail."""

from collections.abc import Collection

from ..inputs import named_inputs
from ..sheet import Sheet

UNLIKELY = 0.02  # that as many cases leave an argument out, and fail for another reason


def by_default(sheet: Sheet, failing: Collection[int]) -> str:
    """The argument that all failing cases leave out; "" if there is none, or it may be chance.

    Others may leave it out too and agree: where there is nothing to do, no default matters.
    """
    if any(case.init is not None for case in sheet.cases):
        return ""
    rows = range(len(sheet.cases))
    for name in sheet.parameters.get("__call__", ()):
        out = {i for i in rows if not _names(sheet, i, name)}
        if not set(failing) <= out or len(out) == len(rows):
            continue
        chance = (len(out) / len(rows)) ** len(failing)
        if out == set(failing) or (2 * len(failing) > len(out) and chance < UNLIKELY):
            return (
                f"only calls that leave `{name}` out go wrong: is its default, behind `def`, still "
                "that of the stub, and does your code do what it stands for?"
            )
    return ""


def _names(sheet: Sheet, i: int, name: str) -> bool:
    """Is it handed over in every call of a case?"""
    case = sheet.cases[i]
    calls = range(len(case.calls))
    return all(name in named_inputs(sheet.parameters, case, number) for number in calls)
