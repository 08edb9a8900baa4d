"""All cases of a sheet, one after the other; who interrupts them learns where they were."""

from collections.abc import Callable

from .compare import differences
from .inputs import came_in
from .outcome import Outcome, run_case
from .sheet import Sheet


def run_cases(sheet: Sheet, answer: Callable) -> tuple[Outcome, ...]:
    """What an answer does with each case. A KeyboardInterrupt says in which of them it came."""
    found: list[Outcome] = []
    try:
        for case in sheet.cases:
            found.append(run_case(answer, case))
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt(_place(sheet, found)) from stopped
    return tuple(found)


def _place(sheet: Sheet, found: list[Outcome]) -> str:
    """The case that doesn't end, and whether all before it are right."""
    case = sheet.cases[len(found)]
    inputs = came_in(sheet.parameters, case)
    told = f"in the case: {case.label}{f' ({inputs})' if inputs else ''}"
    rows = zip(sheet.expected, found, sheet.terms, strict=False)
    if len(found) < 2 or any(differences(*row) for row in rows):
        return told
    return f"{told}; the {len(found)} before it are right"
