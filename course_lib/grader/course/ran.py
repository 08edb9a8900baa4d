"""How the cells of a session ran: where one stopped half-way, and how long it took.

Grading runs what stands below.
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

WHOLE = sys.maxsize
CAPTURE = "%%capture"  # runs what is below it as a cell of its own, and swallows its error
BELOW = (
    "`{line}` didn't run here, its cell stopped before it ({error}); when this is graded, it runs"
)


@dataclass(frozen=True)
class Ran:
    """How a cell ran: where it stopped, why, its seconds of both kinds; its id, where told."""

    line: int = WHOLE
    column: int = WHOLE
    error: str = ""
    spent: float = 0.0
    passed: float = 0.0
    cell: str = ""


Typed = tuple[int, str]  # the number of a run, and what was typed
_ran: dict[int, tuple[str, Ran]] = {}
_within: dict[str, Ran] = {}  # by the text of a cell that another one ran
_began = [0.0, 0.0]
_running = [("", "")]  # the text and the id of the cell that runs now


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


def _begin(info: Any = None) -> None:
    _running[0] = _key(getattr(info, "raw_cell", None) or ""), _id(info)
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
    ran = replace(ran, cell=_id(result.info))
    if result.execution_count is None or not result.info.store_history:
        _within[source] = ran
    else:
        _ran[result.execution_count] = source, ran


def _id(info: Any) -> str:
    """Which cell of the notebook it is: JupyterLab tells, however often its text changes."""
    return getattr(info, "cell_id", None) or ""


def cell_of(typed: Typed) -> str:
    """The id of the cell of a run, or else its number."""
    text, id = _running[0]
    return ran_of(typed).cell or (text == _key(typed[1]) and id) or str(typed[0])


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


def never_ran(
    cells: Sequence[tuple[Typed, Cell]], made: Slice, every: Sequence[tuple[Typed, Cell]]
) -> Iterator[str]:
    """What grading runs of cells that stopped above it, in sentences.

    `cells` are those that a slice is made of, each with the number of its run and the text that was
    typed; `every` are all that ran.
    """
    for number, piece in made.pieces:
        typed, cell = cells[number]
        ran, kept = ran_of(typed), piece.split("\n")
        run = next(n for n, (each, _) in enumerate(every) if each[0] == typed[0])
        for told in statements_of(cell.source) if ran.line != WHOLE else ():
            below = _below(told, ran) if kept[told.first - 1].strip() else None
            if below is not None and not _stands(told, run, every):
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
            if _below(each, ran_of(typed)) is None:
                own = _text(each, cell)
                if n > number and own == text:
                    return True
                if n <= number and (names & (each.binds | each.stores) or own == text):
                    before = own
    return before == text


def _text(told: Statement, cell: Cell) -> str:
    return "\n".join(cell.source.split("\n")[told.first - 1 : told.last])


def ran_of(typed: Typed) -> Ran:
    """How a cell ran, as far as that was noted."""
    text, ran = _ran.get(typed[0], ("", Ran()))
    return ran if text == _key(typed[1]) else Ran()
