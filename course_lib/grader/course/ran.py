"""How the cells of a session ran: where one stopped half-way, and how long it took.

Grading runs what stands below, and waits less long.
"""

import ast
import linecache
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
    """How a cell ran: where it stopped, why, and its seconds of both kinds."""

    line: int = WHOLE
    column: int = WHOLE
    error: str = ""
    spent: float = 0.0
    passed: float = 0.0


Typed = tuple[int, str]  # the number of a run, and what was typed
_ran: dict[int, tuple[str, Ran]] = {}
_within: dict[str, Ran] = {}  # by the text of a cell that another one ran
_began = [0.0, 0.0]


def watch_cells() -> None:
    """In a notebook: from now on it is noted which cells stop, where, and what each one takes."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and _note not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("pre_run_cell", _begin)
        shell.events.register("post_run_cell", _note)
        _begin()
        _ran.clear()
        _look_back(shell)


def _look_back(shell: Any) -> None:
    """Of what ran before anything was noted, Python knows the last error."""
    error, manager = getattr(sys, "last_value", None), getattr(shell, "history_manager", None)
    frames = _frames(error) if error is not None and manager else []
    text = "".join(linecache.getlines(frames[-1].filename)) if frames else ""
    runs = (
        [n for n, each in enumerate(manager.input_hist_parsed) if _key(each) == _key(text)]
        if text
        else []
    )
    if len(runs) == 1:  # run again, it may have gone through
        raw = _key(manager.input_hist_raw[runs[0]])
        _ran[runs[0]] = raw, Ran(*_place(raw, error), type(error).__name__)


def _begin(*_: Any) -> None:
    _began[:] = time.process_time(), clock()


def _note(result: Any) -> None:
    source = _key(getattr(result.info, "raw_cell", None) or "")
    error = result.error_before_exec or result.error_in_exec
    took = time.process_time() - _began[0], clock() - _began[1]
    head, _, below = source.partition("\n")
    inner = _within.get(_key(below), Ran()) if head.startswith(CAPTURE) else Ran()
    if error is not None:
        ran = Ran(*_place(source, error), type(error).__name__, *took)
    elif inner.line != WHOLE:
        ran = replace(inner, line=inner.line + 1)
    else:
        ran = Ran(spent=took[0], passed=took[1])
    if result.execution_count is None or not result.info.store_history:
        _within[source] = ran
    else:
        _ran[result.execution_count] = source, ran


def _key(raw: str) -> str:
    return raw.rstrip("\n")  # as the history has it


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f for f in frames if f.name == "<module>" or f.name.startswith("<cell line")]


def _place(source: str, error: BaseException) -> tuple[int, int]:
    """Line and column at which a cell stopped; line 0 where none of it ran."""
    own = _frames(error)
    if not own:
        return 0, 0
    timed = own[-1].filename == "<timed exec>"  # the magic is the first line
    column = getattr(own[-1], "colno", None)  # Python 3.11
    return (own[-1].lineno or 0) + timed, WHOLE if column is None else column


def never_ran(cells: Sequence[tuple[Typed, Cell]], made: Slice) -> Iterator[str]:
    """What grading runs of cells that stopped above it, in sentences.

    `cells` are those that ran, each with the number of its run and the text that was typed.
    """
    for number, piece in made.pieces:
        typed, cell = cells[number]
        ran, kept = _of(typed), piece.split("\n")
        for told in statements_of(cell.source) if ran.line != WHOLE else ():
            below = _below(told, ran) if kept[told.first - 1].strip() else None
            if below is not None and not _stands(told, number, cells):
                line = ast.unparse(below).split("\n")[0] if len(told.nodes) > 1 else ""
                line = line or cell.source.split("\n")[told.first - 1].strip()
                yield BELOW.format(line=line, error=ran.error)


def _below(told: Statement, ran: Ran) -> ast.stmt | None:
    """The first part of some lines that didn't run, since what is above or left of it stopped."""
    if told.first > ran.line:
        return told.nodes[0]
    places = ((node, (node.lineno, node.col_offset)) for node in told.nodes[1:])
    return next((node for node, place in places if place > (ran.line, ran.column)), None)


def _stands(told: Statement, number: int, cells: Sequence[tuple[Typed, Cell]]) -> bool:
    """Is what a statement would have made there all the same, from a run of the same text?"""
    text, names = _text(told, cells[number][1]), told.binds | told.stores
    before = ""
    for n, (typed, cell) in enumerate(cells):
        for each in statements_of(cell.source):
            if _below(each, _of(typed)) is None:
                own = _text(each, cell)
                if n > number and own == text:
                    return True
                if n <= number and (names & (each.binds | each.stores) or own == text):
                    before = own
    return before == text


def _text(told: Statement, cell: Cell) -> str:
    return "\n".join(cell.source.split("\n")[told.first - 1 : told.last])


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
            spent, passed = spent + _of(typed).spent, passed + _of(typed).passed
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


def _of(typed: Typed) -> Ran:
    text, ran = _ran.get(typed[0], ("", Ran()))
    return ran if text == _key(typed[1]) else Ran()
