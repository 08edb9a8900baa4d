"""How the cells of a session ran: where one stopped half-way, and how long it took.

Grading runs what stands below, and waits less long.
"""

import ast
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from course_lib.notebooks import Cell

from ..running.ending import clock
from ..running.slicing.slices import Slice
from ..running.slicing.statements import Statement, statements_of
from ..running.warm import USUAL

WHOLE = sys.maxsize
CAPTURE = "%%capture"  # runs what is below it as a cell of its own, and swallows its error
SHOWS = ("print", "display")
BELOW = (
    "`{line}` didn't run here, its cell stopped before it ({error}); when this is graded, it runs"
)
LONG = (
    "when this is graded, the cells that it needs may take {:g} s of processor time; here they "
    "took {:.0f} s"
)
LATE = "when this is graded, cells and calls may take {:g} s by the clock; here cells took {:.0f} s"


@dataclass(frozen=True)
class Ran:
    """How a cell ran last: the line at which it stopped, why, and its seconds of both kinds."""

    line: int = WHOLE
    error: str = ""
    spent: float = 0.0
    passed: float = 0.0


_ran: dict[str, Ran] = {}  # by the cell's text
_began = [0.0, 0.0]


def watch_cells() -> None:
    """In a notebook: from now on it is noted which cells stop, where, and what each one takes."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and _note not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("pre_run_cell", _begin)
        shell.events.register("post_run_cell", _note)
        _begin()


def _begin(*_: Any) -> None:
    _began[:] = time.process_time(), clock()


def _note(result: Any) -> None:
    source = _key(getattr(result.info, "raw_cell", None) or "")
    error = result.error_before_exec or result.error_in_exec
    head, _, below = source.partition("\n")
    inner = _ran.get(_key(below), Ran()) if head.startswith(CAPTURE) else Ran()
    if error is None and inner.line != WHOLE:
        _ran[source] = replace(inner, line=inner.line + 1)
        return
    known = _ran.get(source, Ran(0)).line
    took = time.process_time() - _began[0], clock() - _began[1]
    if error is None or known == WHOLE:  # what it defines is there from before
        _ran[source] = Ran(WHOLE, "", *took)
    else:
        _ran[source] = Ran(max(known, _line(source, error)), type(error).__name__, *took)


def _key(raw: str) -> str:
    return raw.rstrip("\n")  # as the history has it


def _line(source: str, error: BaseException) -> int:
    """The line of a cell that stopped; 0 where none of it ran."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.name == "<module>" or f.name.startswith("<cell line")]
    line = own[-1].lineno or 0 if own else 0
    return line + bool(own and own[-1].filename == "<timed exec>")  # the magic is the first line


def never_ran(cells: Sequence[tuple[str, Cell]], made: Slice) -> Iterator[str]:
    """What grading runs of cells that stopped above it, in sentences.

    `cells` are those that ran, each with the text that was typed.
    """
    done = {text for raw, cell in cells for line, _, text in _lines(cell) if line <= _of(raw).line}
    for number, piece in made.pieces:
        raw, cell = cells[number]
        kept = piece.split("\n")
        for line, first, text in _lines(cell):
            if line > _of(raw).line and kept[line - 1].strip() and text not in done:
                yield BELOW.format(line=first, error=_of(raw).error)


def took(cells: Sequence[tuple[str, Cell]], made: Slice) -> tuple[float, float]:
    """Seconds of processor time, and by the clock, of the cells of which grading runs all calls.

    But for those that only show something: grading leaves them out, and they cost little.
    """
    spent = passed = 0.0
    for number, piece in made.pieces:
        raw, cell = cells[number]
        kept = piece.split("\n")
        acting = [s for s in statements_of(cell.source) if s.acts and not _shows(s)]
        if all(kept[s.first - 1].strip() for s in acting):
            spent, passed = spent + _of(raw).spent, passed + _of(raw).passed
    return spent, passed


def _shows(told: Statement) -> bool:
    calls = [node.value for node in told.nodes if isinstance(node, ast.Expr)]
    names = [c.func.id for c in calls if isinstance(c, ast.Call) and isinstance(c.func, ast.Name)]
    return len(names) == len(told.nodes) and set(names) <= set(SHOWS)


def too_long(spent: float, passed: float, wall: float) -> tuple[str, ...]:
    """In a sentence, that the cells which an answer needs take longer than grading waits."""
    if spent > USUAL.prepare:
        return (LONG.format(USUAL.prepare, spent),)
    return (LATE.format(wall, passed),) if passed > wall else ()


def _of(raw: str) -> Ran:
    return _ran.get(_key(raw), Ran())


def _lines(cell: Cell) -> list[tuple[int, str, str]]:
    """The statements of a cell: where each begins, with what line, and its whole text."""
    lines = cell.source.split("\n")
    told = statements_of(cell.source)
    return [
        (s.first, lines[s.first - 1].strip(), "\n".join(lines[s.first - 1 : s.last])) for s in told
    ]
