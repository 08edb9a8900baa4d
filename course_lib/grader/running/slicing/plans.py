"""What to run for each exercise of a notebook, and what nothing needs.

Notebooks can be made to take long to read and to cut, so a grader has this done by a sealed child.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from course_lib.notebooks import Cell

from ..cells import why_unread
from .checks import named_answers
from .notebook import Notebook
from .slices import MOST as MOST_AS_IT_STANDS
from .slices import Slice, slices

MOST_AS_IT_RAN = 2  # slices of an answer from the cells in the order in which they ran
MOST = MOST_AS_IT_STANDS + MOST_AS_IT_RAN


@dataclass(frozen=True)
class Wanted:
    """An exercise to look for: its id, the name that it defines, and the stub that is none."""

    id: str
    name: str
    stub: str


@dataclass(frozen=True)
class Plan:
    """The slices to try for an exercise, with where each stands; or else why there is none."""

    slices: tuple[Slice, ...] = ()
    where: tuple[str, ...] = ()
    absent: str = ""
    crash: tuple[str, ...] = ()


def plans(
    cells: list[Cell],
    wanted: Sequence[Wanted],
    provided: frozenset[str],
    handed_out: frozenset[str],
) -> tuple[list[Plan], list[int]]:
    """A plan for each exercise of a notebook in plain Python; and the cells that none needs.

    `provided` are names that the course's own set-up binds, `handed_out` the sources of its cells.
    """
    cells = named_answers(cells, {each.id: each.name for each in wanted})
    notebook = Notebook(cells, provided)
    order = as_it_ran(cells)
    again = Notebook([cells[i] for i in order], provided) if order != sorted(order) else None
    made = [_plan(notebook, each, again, order) for each in wanted]
    used = {cell for plan in made for each in plan.slices for cell, _ in each.pieces}
    left = [
        i
        for i, cell in enumerate(cells)
        if cell.kind == "code" and i not in used and cell.source.strip()
        if cell.source.strip() not in handed_out and not notebook.only_checks(i)
    ]
    return made, left


def as_it_ran(cells: Sequence[Cell]) -> list[int]:
    """The places of cells in the order of their numbers.

    One that has none stays below the one above it.
    """
    last, placed = 0, []
    for i, cell in enumerate(cells):
        last = cell.ran or last
        placed.append((last, i))
    return [i for _, i in sorted(placed)]


def _plan(notebook: Notebook, each: Wanted, again: Notebook | None, order: list[int]) -> Plan:
    """The plan for one exercise; `again` is the notebook in the `order` in which it ran."""
    found = slices(notebook, each.id, each.name, each.stub)
    if found and again:
        ran = slices(again, each.id, each.name, each.stub)[:MOST_AS_IT_RAN]
        ran = [_back(made, order) for made in ran]
        found = list(dict.fromkeys([found[0], *ran, *found[1:]]))
    if found:
        where = tuple(notebook.words(made.cell, each.name, made.own) for made in found)
        return Plan(tuple(found), where)
    unread = notebook.unread(each.id, each.name)
    if unread is not None:
        crash = why_unread(notebook.sources[unread], unread + 1)
        return Plan(absent=f"Python can't read cell {unread + 1}", crash=crash)
    if each.name in notebook.bound:
        return Plan(absent="the cell is as handed out")
    return Plan(absent=f"nothing defines `{each.name}`")


def _back(made: Slice, order: list[int]) -> Slice:
    """A slice of reordered cells with the places that they have in the notebook."""
    return replace(
        made, cell=order[made.cell], pieces=tuple((order[i], text) for i, text in made.pieces)
    )
