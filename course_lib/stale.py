"""Is a check about what the learner sees above it, or about something defined before?"""

import ast
import difflib
import re
import sys
import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from course_lib.grader.course.checking import source_of
from course_lib.grader.course.ran import cell_of

ALIKE = 0.6  # of two cells, one of them an edited form of the other
LONGEST = 120  # letters of a message or a line
Cell = tuple[int, str]  # its number and its text


@dataclass(frozen=True)
class Note:
    """What to say of the cell that should have defined an answer; why it stopped, if it did."""

    told: str
    crash: tuple[str, ...] = ()


def stale_note(answer: object, exercises: Collection[str] = ()) -> Note | None:
    """A note when a cell run since didn't define the answer that is judged; else None.

    Seen are three cases: the cell before the check stopped, or binds the answer under another
    name now; or Python couldn't read one before that. A cell that defines another one of the names
    `exercises` is no edited form of this answer.
    """
    shell = _shell()
    name = getattr(answer, "__name__", "")
    if shell is None or not name.isidentifier():
        return None
    *cells, (_, current) = _cells(shell) or [(0, "")]
    if not cells or _binds(current, name):
        return None
    runs = [text for _, text in _runs(shell)[:-1]]
    defined = next((text for text in reversed(runs) if _binds(text, name)), "")
    rivals = set(exercises) - {name}
    for (number, text), error in _stops(shell, cells, rivals):
        if error and _meant(text, name, defined, rivals) and not _holds(text, answer):
            return _stopped(number, text, name, error)
        if _binds(text, name):
            break
    number, last = cells[-1]
    others = _defined(last)
    if others and not rivals & set(others) and not _binds(last, name) and _alike(defined, last):
        return Note(f"cell [{number}] defines `{others[-1]}`, not `{name}`")
    return None


def missing_note(name: str, exercises: Collection[str] = ()) -> Note | None:
    """Why there is nothing of this name, when the cells that ran tell; else None.

    A cell that only uses the name tells nothing, nor does one that defines another one of the
    names `exercises`.
    """
    shell = _shell()
    *cells, _ = (_cells(shell) if shell else []) or [(0, "")]
    if not cells:
        return None
    rivals = set(exercises) - {name}
    for (number, text), error in _stops(shell, cells, rivals):
        if error and _meant(text, name, "", rivals):
            return _stopped(number, text, name, error)
    number, last = cells[-1]
    others = _defined(last)
    if not others or rivals & set(others) or re.search(rf"\b{re.escape(name)}\b", last):
        return None
    return Note(f"cell [{number}] defines `{others[-1]}`")


def _shell() -> Any:
    """The notebook's kernel, where there is one."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _runs(shell: Any) -> list[Cell]:
    """What ran, with its numbers; the last is what runs now.

    It is not taken from `In`, which may be a name of the learner's own.
    """
    history = getattr(shell, "history_manager", None)
    ran = history.input_hist_parsed if history else []
    return [(n, cell) for n, cell in enumerate(ran) if cell.strip()]


def _cells(shell: Any) -> list[Cell]:
    """Of each cell its newest run, as far as it is told whose a run was; the last runs now."""
    runs = _runs(shell)
    typed = shell.history_manager.input_hist_raw if runs else []
    return sorted({cell_of((n, typed[n])): (n, text) for n, text in runs}.values())


def _stops(
    shell: Any, cells: list[Cell], rivals: set[str]
) -> Iterator[tuple[Cell, BaseException | None]]:
    """Each cell and what stopped it, the newest first; of older ones only what can't be read.

    Nothing is told of one that a later cell is the mended form of.
    """
    result = shell.last_execution_result
    for place in reversed(range(len(cells))):
        number, text = cells[place]
        if place == len(cells) - 1 and result and result.execution_count == number:
            yield cells[place], result.error_before_exec or result.error_in_exec
            continue
        error, later = _unreadable(text), [other for _, other in cells[place + 1 :]]
        mended = error and any(
            _defined(other) and not rivals & set(_defined(other)) and _alike(text, other)
            for other in later
        )
        yield cells[place], None if mended else error


def _unreadable(cell: str) -> SyntaxError | None:
    try:
        ast.parse(cell)
    except SyntaxError as error:
        return error
    except ValueError:
        pass
    return None


def _stopped(number: int, cell: str, name: str, error: BaseException) -> Note:
    said = str(getattr(error, "msg", None) or error).strip().split("\n")[0]
    kind = type(error).__name__
    crash = [f"{kind}: {said}" if said else kind]
    lines = cell.split("\n")
    if 0 < (line := _line(error)) <= len(lines):
        crash.append(f"line {line}: {lines[line - 1].strip()}")
    return Note(
        f"cell [{number}] stopped without defining `{name}`",
        tuple(each[:LONGEST] for each in crash),
    )


def _line(error: BaseException) -> int:
    """The line of a cell at which it stopped; 0 where that is not known."""
    if isinstance(error, SyntaxError):
        return error.lineno or 0
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.name == "<module>" or f.name.startswith("<cell line")]
    return own[-1].lineno or 0 if own else 0


def _meant(cell: str, name: str, defined: str, rivals: set[str]) -> bool:
    """Was a cell to define the name? One that only calls it, or defines a rival, was not."""
    heads = set(re.findall(r"\b(?:def|class)\s+(\w+)", cell))
    # Further right, or in what can be read, it may be an argument.
    bound = _binds(cell, name) or re.search(rf"^{re.escape(name)}\s*=(?!=)", cell, re.M)
    if name in heads or bound:
        return True
    return not rivals & heads and _alike(defined, cell)


def _alike(one: str, other: str) -> bool:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() > ALIKE


def _defined(cell: str) -> list[str]:
    """Functions and classes that a cell defines; none when it isn't Python."""
    try:
        body = ast.parse(cell).body
    except (SyntaxError, ValueError):
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in body if isinstance(node, kinds)]


def _binds(cell: str, name: str) -> bool:
    """Does a cell give something this name?"""
    try:
        walked = list(ast.walk(ast.parse(cell)))
    except (SyntaxError, ValueError):
        return False
    stored = [n.id for n in walked if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return name in _defined(cell) or name in stored


def _holds(cell: str, answer: object) -> bool:
    """Is the answer's own text in a cell? Where it isn't known nothing is to be said."""
    return source_of(answer).strip() in cell
