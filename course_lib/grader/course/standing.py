"""Of a session's runs those that stand in the notebook now: of each cell its newest text.

A cell that was edited and run again takes the place where it first ran, so that a helper above an
answer stays above it.
"""

import ast
from collections.abc import Sequence

from course_lib.notebooks import Cell

from ..running.slicing.statements import outer, statements_of
from .ran import Typed, cell_of

Run = tuple[Typed, Cell]


def standing(runs: Sequence[Run]) -> list[Run]:
    """The newest run of each cell; the last of all stays the last: it is the check's.

    Where no front end tells which cell a run was of, all of them.
    """
    by_cell: dict[str, list[Run]] = {}
    for run in runs:
        by_cell.setdefault(cell_of(run[0]), []).append(run)
    if runs:
        own = cell_of(runs[-1][0])
        by_cell[own] = by_cell.pop(own)
    newest = [of_one[-1] for of_one in by_cell.values()]
    again = [len(of_one) > 1 for of_one in by_cell.values()]
    places = [_needs(i, newest) if again[i] else i for i in range(len(newest))]
    return [
        newest[i] for i in sorted(range(len(newest)), key=lambda i: (places[i], places[i] != i, i))
    ]


def _needs(place: int, cells: Sequence[Run]) -> int:
    """The place of the last cell that binds what one reads at once and has not above it.

    Such a cell was put in above it later.
    """
    (_, cell), there = cells[place], set[str]()
    for _, above in cells[:place]:
        there |= _binds(above)
    lacking = _reads(cell) - _binds(cell) - there
    later = enumerate(cells[place + 1 :], place + 1)
    return max((i for i, (_, other) in later if lacking & _binds(other)), default=place)


def _binds(cell: Cell) -> set[str]:
    return {name for told in statements_of(cell.source) for name in told.binds}


def _reads(cell: Cell) -> set[str]:
    """The names that a cell reads as soon as it runs."""
    nodes = (
        node for told in statements_of(cell.source) for top in told.nodes for node in outer(top)
    )
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
