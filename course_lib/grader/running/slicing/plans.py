"""What to run for each exercise of a notebook, and what nothing needs.

Notebooks can be made to take long to read and to cut, so a grader has this done by a sealed child.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from course_lib.notebooks import Cell, tree_of

from ...judging.scopes import names_of
from ..cells import why_unread
from .checks import named_answers
from .notebook import Notebook, seeming
from .slices import MOST as MOST_AS_IT_STANDS
from .slices import Slice, slices
from .statements import BUILT_IN
from .written import written

# Slices of an answer from the cells in the order in which they ran, and from those alone that ran.
MOST_AS_IT_RAN, MOST_ALONE = 2, 1
UNREAD = "Python can't read cell {cell}, so nothing that it defines is there: {why}"
LONG = re.compile(r"# [\d,]+ KiB in one cell; at most \d+ are read")  # left of a cell not read
MOST_SAID = 200  # characters about such
MOST = MOST_AS_IT_STANDS + MOST_AS_IT_RAN + MOST_ALONE


@dataclass(frozen=True)
class Wanted:
    """An exercise to look for: its id, the name that it defines, and the stub that is none."""

    id: str
    name: str
    stub: str


@dataclass(frozen=True)
class Plan:
    """The slices to try for an exercise, with where each stands; or else why there is none.

    `unread` says which cells, as they seem to bind what an answer reads, Python can't read, and
    which write a file instead.
    """

    slices: tuple[Slice, ...] = ()
    where: tuple[str, ...] = ()
    absent: str = ""
    crash: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


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
    every = list(range(len(cells)))
    orders = (as_it_ran(cells), MOST_AS_IT_RAN), (alone_that_ran(cells), MOST_ALONE)
    ran = [
        (Notebook([cells[i] for i in order], provided), order, most)
        for order, most in orders
        if order != every
    ]
    made = [_plan(notebook, each, ran) for each in wanted]
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


def alone_that_ran(cells: Sequence[Cell]) -> list[int]:
    """The places of cells that have a number, in its order; of all where none has, or each.

    What was typed and never ran changed nothing that a check saw.
    """
    code = [(cell.ran, i) for i, cell in enumerate(cells) if cell.kind == "code"]
    ran = [i for number, i in sorted((n, i) for n, i in code if n)]
    return ran if 0 < len(ran) < len(code) else [*range(len(cells))]


def _plan(notebook: Notebook, each: Wanted, ran: Sequence[tuple[Notebook, list[int], int]]) -> Plan:
    """The plan for one exercise; `ran` is the notebook in orders in which it may have run.

    With each come the places that its cells have, and how many slices of it are tried.
    """
    found = slices(notebook, each.id, each.name, each.stub)
    if found and ran:
        back = [
            _back(made, order)
            for again, order, most in ran
            for made in slices(again, each.id, each.name, each.stub)[:most]
        ]
        found = list(dict.fromkeys([found[0], *back, *found[1:]]))
    if found:
        where = tuple(notebook.words(made.cell, each.name, made.own) for made in found)
        unread = (*_unread(notebook, found[0]), *written(notebook.cells, found[0].source))
        return Plan(tuple(found), where, unread=unread)
    lost = notebook.unread(each.id, each.name)
    if lost is not None:
        crash = why_unread(notebook.sources[lost], lost + 1)
        return Plan(absent=f"Python can't read cell {lost + 1}", crash=crash)
    if each.name in notebook.bound:
        return Plan(absent="the cell is as handed out")
    long = (f"; cell {i + 1}: {s[2:]}" for i, s in enumerate(notebook.sources) if LONG.fullmatch(s))
    return Plan(absent=f"nothing defines `{each.name}`{''.join(long)[:MOST_SAID]}")


def _unread(notebook: Notebook, made: Slice) -> tuple[str, ...]:
    """The cells that Python can't read and that seem to bind what an answer reads, and why not."""
    reads = names_of(made.source)[1] - notebook.provided - BUILT_IN
    return tuple(
        UNREAD.format(cell=i + 1, why="; ".join(why_unread(source, i + 1)))
        for i, source in enumerate(notebook.sources)
        if reads & seeming(source) and tree_of(source) is None
    )


def _back(made: Slice, order: list[int]) -> Slice:
    """A slice of reordered cells with the places that they have in the notebook."""
    return replace(
        made, cell=order[made.cell], pieces=tuple((order[i], text) for i, text in made.pieces)
    )
