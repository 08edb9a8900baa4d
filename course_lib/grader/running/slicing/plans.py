"""What to run for each exercise of a notebook, and what nothing needs.

Notebooks can be made to take long to read and to cut, so a grader has this done by a sealed child.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.notebooks import Cell

from ..cells import why_unread
from .checks import named_answers
from .notebook import Notebook
from .slices import Slice, slices


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
    made = [_plan(notebook, each) for each in wanted]
    used = {cell for plan in made for each in plan.slices for cell, _ in each.pieces}
    left = [
        i
        for i, cell in enumerate(cells)
        if cell.kind == "code" and i not in used and cell.source.strip()
        if cell.source.strip() not in handed_out and not notebook.only_checks(i)
    ]
    return made, left


def _plan(notebook: Notebook, each: Wanted) -> Plan:
    found = slices(notebook, each.id, each.name, each.stub)
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
