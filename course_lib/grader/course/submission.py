"""Which part of a notebook is an exercise's answer, and the verdict on it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from course_lib.notebooks import read_cells

from ..judging.sheet import Sheet
from ..judging.verdict import Verdict, without_bans
from ..running.cells import fresh_namespace, run_cell, run_pieces
from ..running.plain import plain_cells
from .checking import verdict_on
from .files import sheet_for
from .notebook import Notebook
from .setup import provided, setup_cells
from .slices import Slice, slices

Ran = TypeVar("Ran")


def answers(root: Path, path: Path, ids: list[str]) -> Iterator[Verdict]:
    """A verdict for each id, from a notebook (`.ipynb`) or a percent script (`.py`).

    Of the learner's cells only what an answer needs is run, after the course's own set-up; a
    statement that fails costs only what it binds. Raises ValueError when the file can't be read.
    """
    cells = plain_cells(read_cells(path))
    for id in ids:
        sheet = sheet_for(root, id)
        notebook = Notebook(cells, provided(root, sheet.id[:2]))

        def tried(made: Slice, sheet: Sheet = sheet) -> tuple[Verdict, bool]:
            return _run(root, sheet, made), False

        yield best_of(sheet, notebook, tried, path.name)[0]


def best_of(
    sheet: Sheet, notebook: Notebook, tried: Callable[[Slice], tuple[Verdict, bool]], file: str
) -> tuple[Verdict, Slice | None]:
    """The best verdict on what a notebook holds for an exercise, and the slice that got it.

    `tried` runs one slice; its second result says that no other is to be run. The first slice that
    is right ends the search. Without one, the likeliest is told.
    """
    told: list[tuple[Verdict, Slice]] = []
    for made in slices(notebook, sheet.id, sheet.name, sheet.stub):
        verdict, ended = tried(made)
        verdict = without_bans(sheet, verdict, made.source)
        verdict = replace(verdict, where=notebook.words(made.cell, sheet.name, made.own))
        told.append((verdict, made))
        if verdict.state == "right":
            return verdict, made
        if ended:
            break
    return told[0] if told else (_without_definition(sheet, notebook, file), None)


def stopped(sheet: Sheet, failed: list[tuple[int, tuple[str, ...]]]) -> Verdict:
    """The verdict on an answer whose definition was never reached."""
    crash = failed[-1][1] if failed else ("it was never bound",)
    common = {"id": sheet.id, "title": sheet.title, "out_of": sheet.points}
    return Verdict(state="crashed", summary="its cell stopped", crash=crash, **common)


def with_failed(verdict: Verdict, failed: list[tuple[int, tuple[str, ...]]]) -> Verdict:
    """A verdict that isn't right says which cells stopped before."""
    if verdict.state == "right":
        return verdict
    told = tuple(f"cell {cell + 1} stopped: {'; '.join(lines)}" for cell, lines in failed)
    return replace(verdict, details=(*verdict.details, *told))


def _run(root: Path, sheet: Sheet, made: Slice) -> Verdict:
    namespace = fresh_namespace()
    for source in setup_cells(root, sheet.id[:2]):
        run_cell(source, namespace, 0)
    failed = run_pieces(made.pieces, made.cell, sheet.name, namespace)
    if sheet.name not in namespace:
        return stopped(sheet, failed)
    return with_failed(verdict_on(root, sheet.id, namespace[sheet.name], made.own), failed)


def _without_definition(sheet: Sheet, notebook: Notebook, file: str) -> Verdict:
    common = {"id": sheet.id, "title": sheet.title, "out_of": sheet.points}
    unread = notebook.unread(sheet.id, sheet.name)
    if unread is not None:
        crash = run_cell(notebook.sources[unread], fresh_namespace(), unread + 1)
        told = f"Python can't read cell {unread + 1}"
        return Verdict(state="crashed", summary=told, crash=crash, **common)
    told = f"nothing in {file} defines `{sheet.name}`"
    if sheet.name in notebook.bound:
        told = "the cell is as handed out"
    return Verdict(state="not attempted", summary=told, **common)
