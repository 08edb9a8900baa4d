"""Run the exercise cells of a learner's notebook and judge what they define."""

from collections.abc import Iterator
from pathlib import Path

from course_lib.notebooks import Cell, read_cells

from ..judging.verdict import Verdict
from ..running.child import run_cell
from .checking import verdict_on
from .files import definition
from .listing import find_listed

COURSE_CELLS = ("check", "demo")


def answers(root: Path, path: Path, ids: list[str]) -> Iterator[Verdict]:
    """A verdict for each id, from a notebook (`.ipynb`) or a percent script (`.py`).

    Cells run in order: those tagged `setup` or with an id, and those that the learner added;
    never the course's own check and demo cells. A cell that fails costs only what it defines.
    Raises ValueError when the file can't be read.
    """
    cells = [cell for cell in read_cells(path) if wanted(cell)]
    namespace: dict = {"__name__": "exercises"}
    failed = [run_cell(cell.source, namespace, i) for i, cell in enumerate(cells, 1)]
    for id in ids:
        exercise = find_listed(root, id)
        place = place_of(cells, id, exercise.name)
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


def place_of(cells: list[Cell], id: str, name: str) -> int | None:
    """The cell tagged with the id; when the tag is lost, the last cell that defines the name."""
    tagged = [i for i, cell in enumerate(cells) if id in cell.tags]
    if tagged:
        return tagged[-1]
    defining = [i for i, cell in enumerate(cells) if definition(cell.source, name)]
    return (defining or [None])[-1]
