"""Cells of a session that stopped half-way: what stands below didn't run, and grading runs it."""

import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from course_lib.notebooks import Cell

from ..running.slicing.slices import Slice
from ..running.slicing.statements import statements_of

WHOLE = sys.maxsize
BELOW = (
    "`{line}` didn't run here, its cell stopped before it ({error}); when this is graded, it runs"
)
_stops: dict[str, tuple[int, str]] = {}  # by a cell's text: the line where it stopped, and why


def watch_cells() -> None:
    """In a notebook: from now on it is noted which cells stop, and where."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and _note not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _note)


def _note(result: Any) -> None:
    source = getattr(result.info, "raw_cell", None) or ""
    source = source.rstrip("\n")  # as the history has it
    error = result.error_before_exec or result.error_in_exec
    known = _stops.get(source, (0, ""))[0]
    if error is None:
        _stops[source] = WHOLE, ""
    elif known != WHOLE:  # what it defines is there from before
        _stops[source] = max(known, _line(source, error)), type(error).__name__


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
    done = {text for raw, cell in cells for line, _, text in _lines(cell) if line <= _stop(raw)[0]}
    for number, piece in made.pieces:
        raw, cell = cells[number]
        stop, error = _stop(raw)
        kept = piece.split("\n")
        for line, first, text in _lines(cell):
            if line > stop and kept[line - 1].strip() and text not in done:
                yield BELOW.format(line=first, error=error)


def _stop(raw: str) -> tuple[int, str]:
    return _stops.get(raw.rstrip("\n"), (WHOLE, ""))


def _lines(cell: Cell) -> list[tuple[int, str, str]]:
    """The statements of a cell: where each begins, with what line, and its whole text."""
    lines = cell.source.split("\n")
    told = statements_of(cell.source)
    return [
        (s.first, lines[s.first - 1].strip(), "\n".join(lines[s.first - 1 : s.last])) for s in told
    ]
