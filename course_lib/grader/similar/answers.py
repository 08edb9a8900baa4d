"""Every student's answers as pieces of code, and what the course itself shows: nothing is run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from course_lib.notebooks import Cell, read_cells, with_solution, without_solution

from ..book.batch import Task, handed_in
from ..book.grading import code_cells
from ..course.files import exercises, solution_cells
from ..course.notebook import Notebook
from ..course.setup import provided
from ..course.slices import Slice, slices
from ..course.statements import statements_of
from ..running.plain import plain_python
from .normal import Piece, answer_pieces, pieces

TEXTBOOK = ("nn", "models")  # rooms of the library that a student may take code from


@dataclass
class Answers:
    """By exercise and student; `left_out` says why an answer is not compared."""

    pieces: dict[str, dict[str, list[Piece]]] = field(default_factory=dict)
    sources: dict[tuple[str, str], str] = field(default_factory=dict)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)


def gather(tasks: Iterable[Task]) -> Answers:
    """Read all submissions. What can't be read is left out and said; it never raises."""
    found = Answers()
    for task in tasks:
        for chapter in task.chapters:
            path = handed_in(task, chapter)
            if path is None:
                continue
            try:
                cells = code_cells(path)
            except (ValueError, OSError) as error:
                told = str(error).replace(str(path.parent), "").lstrip("/")
                found.left_out.append((task.folder.name, chapter, told))
                continue
            _add(found, task, chapter, cells)
    return found


def _add(found: Answers, task: Task, chapter: str, cells: list[Cell]) -> None:
    student, seen = task.folder.name, set[str]()
    notebook = Notebook(cells, provided(task.root, chapter))
    for exercise in exercises(task.root):
        if exercise.chapter != chapter:
            continue
        made = slices(notebook, exercise.id, exercise.name)
        if not made:
            continue
        source = _new(made[0], seen)
        try:
            own = answer_pieces(source)
        except ValueError as error:
            found.left_out.append((student, exercise.id, str(error)))
            continue
        found.pieces.setdefault(exercise.id, {})[student] = own
        found.sources[exercise.id, student] = source


def _new(made: Slice, seen: set[str]) -> str:
    """A slice without what was seen: a helper counts once, or it would for every exercise."""
    kept = []
    for _, piece in made.pieces:
        lines = piece.splitlines()
        texts = ["\n".join(lines[s.first - 1 : s.last]) for s in statements_of(piece)]
        kept += [text for text in texts if text == made.own or text not in seen]
    seen.update(kept)
    return "\n".join(kept)


@cache
def shown(root: Path, chapter: str) -> tuple[Piece, ...]:
    """What the course shows to everybody: solutions, stubs, the chapter's page, the library."""
    solved = [cell.source for cell in solution_cells(root, chapter) if cell.kind == "code"]
    sources = [keep(source) for source in solved for keep in (with_solution, without_solution)]
    for page in sorted((root / "notebooks").glob(f"{chapter}_*.ipynb")):
        sources += [cell.source for cell in read_cells(page) if cell.kind == "code"]
    for room in TEXTBOOK:
        files = sorted((root / "course_lib" / room).rglob("*.py"))
        sources += [path.read_text(encoding="utf-8") for path in files]
    once = {piece.tokens: piece for source in sources for piece in pieces(plain_python(source))}
    return tuple(once.values())
