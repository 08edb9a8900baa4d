"""A default that is another than the text's, or handled otherwise: told by which calls fail."""

from collections.abc import Collection

from .inputs import named_inputs
from .sheet import Sheet


def by_default(sheet: Sheet, failing: Collection[int]) -> str:
    """The argument that all failing cases leave out, and all others name; "" if there is none."""
    if any(case.init is not None for case in sheet.cases):
        return ""
    rows = range(len(sheet.cases))
    for name in sheet.parameters.get("__call__", ()):
        out = {i for i in rows if not _names(sheet, i, name)}
        if out == set(failing) and len(out) < len(rows):
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
