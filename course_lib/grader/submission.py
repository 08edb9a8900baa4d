"""Run the exercise cells of a learner's notebook and judge what they define."""

import linecache
import re
from collections.abc import Iterator
from pathlib import Path

from course_lib.notebooks import Cell, read_cells

from .checking import verdict_on
from .course import definition, find
from .outcome import learner_lines
from .verdict import Verdict

COURSE_CELLS = ("check", "demo")


def answers(root: Path, path: Path, ids: list[str]) -> Iterator[Verdict]:
    """A verdict for each id, from a notebook (`.ipynb`) or a percent script (`.py`).

    Cells run in order: those tagged `setup` or with an id, and those that the learner added;
    never the course's own check and demo cells. A cell that fails costs only what it defines.
    Raises ValueError when the file can't be read.
    """
    cells = [cell for cell in read_cells(path) if wanted(cell)]
    namespace: dict = {"__name__": "exercises"}
    failed = [_run(cell, namespace, number) for number, cell in enumerate(cells, 1)]
    for id in ids:
        exercise = find(root, id)[1]
        place = _place(cells, id, exercise.name)
        stopped = failed[place] if place is not None else ()
        common = {"id": id, "title": exercise.title, "out_of": exercise.points}
        if stopped:
            yield Verdict(state="crashed", summary="its cell stopped", crash=stopped, **common)
        elif exercise.name not in namespace:
            told = f"nothing in {path.name} defines `{exercise.name}`"
            yield Verdict(state="not attempted", summary=told, **common)
        else:
            source = cells[place].source if place is not None else ""
            yield verdict_on(root, id, namespace[exercise.name], source)


def wanted(cell: Cell) -> bool:
    """Should this cell run when a notebook is judged?"""
    return cell.kind == "code" and not any(tag in COURSE_CELLS for tag in cell.tags)


def _place(cells: list[Cell], id: str, name: str) -> int | None:
    """The cell tagged with the id; when the tag is lost, the last cell that defines the name."""
    tagged = [i for i, cell in enumerate(cells) if id in cell.tags]
    defining = [i for i, cell in enumerate(cells) if definition(cell.source, name)]
    return (tagged or defining or [None])[-1]


def _run(cell: Cell, namespace: dict, number: int) -> tuple[str, ...]:
    """Execute one cell; the error and the learner's line when it fails."""
    name, source = f"<exercise cell {number}>", _plain_python(cell.source)
    # So that a traceback can quote the learner's line: there is no file to read it from.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        exec(compile(source, name, "exec"), namespace)
    except (Exception, SystemExit) as error:
        return learner_lines(error)
    return ()


def _plain_python(source: str) -> str:
    """Magics and shell lines are for the notebook; a judged answer doesn't need them."""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)
