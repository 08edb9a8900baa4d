"""How long the cells took that an answer needs; grading waits less long."""

import ast
from collections.abc import Sequence

from course_lib.notebooks import Cell

from ..running.slicing.slices import Slice
from ..running.slicing.statements import Statement, statements_of
from ..running.warm import USUAL
from .ran import Typed, ran_of

SHOWS = ("print", "display")
LONG = (
    "when this is graded, the cells that it needs may take {:g} s of processor time; here they "
    "took {:.0f} s"
)
LATE = "when this is graded, cells and calls may take {:g} s by the clock; here cells took {:.0f} s"


def took(cells: Sequence[tuple[Typed, Cell]], made: Slice) -> tuple[float, float]:
    """Seconds of processor time, and by the clock, of the cells of which grading runs all calls.

    But for those that only show something: grading leaves them out, and they cost little.
    """
    spent = passed = 0.0
    for number, piece in made.pieces:
        typed, cell = cells[number]
        kept = piece.split("\n")
        acting = [s for s in statements_of(cell.source) if s.acts and not _shows(s)]
        if all(kept[s.first - 1].strip() for s in acting):
            spent, passed = spent + ran_of(typed).spent, passed + ran_of(typed).passed
    return spent, passed


def _shows(told: Statement) -> bool:
    """Does it show what is there, without calling anything for it?"""
    shown = [node.value for node in told.nodes if isinstance(node, ast.Expr)]
    calls = [each for each in shown if isinstance(each, ast.Call)]
    within = [n for call in calls for n in ast.walk(call) if n is not call]
    names = [getattr(call.func, "id", "") for call in calls]
    quick = not any(isinstance(n, ast.Call | ast.comprehension) for n in within)
    return quick and len(names) == len(told.nodes) and set(names) <= set(SHOWS)


def too_long(spent: float, passed: float, wall: float) -> tuple[str, ...]:
    """In a sentence, that the cells which an answer needs take longer than grading waits."""
    if spent > USUAL.prepare:
        return (LONG.format(USUAL.prepare, spent),)
    return (LATE.format(wall, passed),) if passed > wall else ()
