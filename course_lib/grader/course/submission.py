"""Which part of a notebook is an exercise's answer, and the verdict on it."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..judging.sheet import Sheet
from ..judging.verdict import Verdict, verdict_of
from ..running.cells import fresh_namespace, run_cell, run_pieces
from ..running.ending import clock
from ..running.reading.handed_in import cells_in
from ..running.reading.plain import readable_cells
from ..running.slicing.plans import Plan, Wanted, plans
from ..running.slicing.slices import Slice
from .checking import verdict_on
from .files import sheet_for
from .setup import provided, setup_cells
from .spent import too_long
from .watching import StoppedError, watched


def answers(root: Path, path: Path, ids: list[str]) -> Iterator[Verdict]:
    """A verdict for each id, from a notebook (`.ipynb`) or a percent script (`.py`).

    Of the learner's cells only what an answer needs is run, after the course's own set-up; a
    statement that fails costs only what it binds. Raises ValueError when the file can't be read.
    """
    cells = readable_cells(cells_in(path.read_bytes(), path.name))
    sheets = [sheet_for(root, id) for id in ids]
    names = frozenset(name for id in ids for name in provided(root, id[:2]))
    made, _ = plans(cells, [wanted(sheet) for sheet in sheets], names, frozenset())
    for sheet, plan in zip(sheets, made, strict=True):

        def tried(made: Slice, sheet: Sheet = sheet) -> tuple[Verdict, bool]:
            try:
                with watched(partial(_say, sheet.id)):
                    return _run(root, sheet, made), False
            except StoppedError as error:
                return verdict_of(sheet, "crashed", str(error)), True

        yield best_of(sheet, plan, tried)[0]


def wanted(sheet: Sheet) -> Wanted:
    """What to look for in a notebook."""
    return Wanted(sheet.id, sheet.name, sheet.stub)


def best_of(
    sheet: Sheet, plan: Plan, tried: Callable[[Slice], tuple[Verdict, bool]]
) -> tuple[Verdict, Slice | None]:
    """The best verdict that a plan for an exercise can get, and the slice that got it.

    `tried` runs one slice; its second result says that no other is to be run. The first slice that
    is right ends the search. Without one, the likeliest is told.
    """
    told: list[tuple[Verdict, Slice]] = []
    for made, where in zip(plan.slices, plan.where, strict=True):
        verdict, ended = tried(made)
        verdict = replace(verdict, where=where)
        if verdict.state == "right":
            return verdict, made
        told.append((replace(verdict, details=(*plan.unread, *verdict.details)), made))
        if ended:
            break
    return told[0] if told else (_absent(sheet, plan), None)


def stopped(sheet: Sheet, failed: list[tuple[int, tuple[str, ...]]]) -> Verdict:
    """The verdict on an answer whose definition was never reached."""
    crash = failed[-1][1] if failed else ("it was never bound",)
    return verdict_of(sheet, "crashed", "its cell stopped", crash=crash)


def with_failed(verdict: Verdict, failed: list[tuple[int, tuple[str, ...]]]) -> Verdict:
    """A verdict that isn't right says which cells stopped before."""
    if verdict.state == "right":
        return verdict
    told = tuple(f"cell {cell + 1} stopped: {'; '.join(lines)}" for cell, lines in failed)
    return replace(verdict, details=(*verdict.details, *told))


def _run(root: Path, sheet: Sheet, made: Slice) -> Verdict:
    with fresh_namespace() as namespace:
        return _run_in(namespace, root, sheet, made)


def _run_in(namespace: dict[str, Any], root: Path, sheet: Sheet, made: Slice) -> Verdict:
    for source in setup_cells(root, sheet.id[:2]):
        run_cell(source, namespace, 0)
    began, since = time.process_time(), clock()
    failed = run_pieces(made.pieces, made.cell, sheet.name, namespace)
    if sheet.name not in namespace:
        return stopped(sheet, failed)
    slow = too_long(time.process_time() - began, clock() - since, sheet.wall)
    answer = namespace[sheet.name]
    verdict = verdict_on(root, sheet.id, answer, made.own, whole=made.source)
    return with_failed(replace(verdict, notes=(*slow, *verdict.notes)), failed)


def _say(id: str, told: str) -> None:
    print(f"{id}: {told} Stop it with Ctrl-C.", file=sys.stderr, flush=True)


def _absent(sheet: Sheet, plan: Plan) -> Verdict:
    state = "crashed" if plan.crash else "not attempted"
    return verdict_of(sheet, state, plan.absent, crash=plan.crash)
