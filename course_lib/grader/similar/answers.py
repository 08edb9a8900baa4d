"""Every student's answers as pieces of code, and what the course itself shows: nothing is run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from course_lib.notebooks import Cell, read_cells, with_solution, without_solution

from ..book.one_student import Task, runner
from ..book.patience import Patient
from ..book.sealed import Reader, plan
from ..course.files import exercises, key_files, solution_cells
from ..course.finding.facts import chapter_facts
from ..course.finding.work import find_work
from ..running.reading.plain import plain_python
from ..running.slicing.plans import Wanted
from ..running.slicing.slices import Slice
from ..running.slicing.statements import statements_of
from .normal import Piece, answer_pieces, pieces

TEXTBOOK = ("nn", "models")  # rooms of the library that answers are nearest to
LONGEST = 60_000  # letters of an answer with all that it needs: pieces of code are kept
NOT_SHOWN = ("grader", "commands", "__pycache__")


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
        warm = runner(task.root, task.level)
        facts = [chapter_facts(task.root, chapter) for chapter in task.chapters]
        work = find_work(task.folder, facts, Reader(warm))
        found.left_out += [(task.folder.name, each.label, each.reason) for each in work.unused]
        patient = Patient(warm)
        for chapter, used in work.used.items():
            if used:
                _add(found, patient, task, chapter, list(used.cells))
    return found


def _add(found: Answers, warm: Patient, task: Task, chapter: str, cells: list[Cell]) -> None:
    student, seen = task.folder.name, set[str]()
    asked = exercises(task.root, chapter)
    try:
        made, _ = plan(warm, chapter, cells, [Wanted(e.id, e.name, "") for e in asked])
    except ValueError as error:
        found.left_out.append((student, chapter, str(error)))
        return
    for exercise, each in zip(asked, made, strict=True):
        if not each.slices:
            continue
        try:
            if (long := sum(len(piece) for _, piece in each.slices[0].pieces)) > LONGEST:
                raise ValueError(f"{long >> 10} KiB of code")
            # Whichever is right is graded: a stub that stands last must not hide the others.
            source = _new(each.slices, seen)
            own = answer_pieces(source)
        except ValueError as error:
            found.left_out.append((student, exercise.id, str(error)))
            continue
        found.pieces.setdefault(exercise.id, {})[student] = own
        found.sources[exercise.id, student] = source


def _new(slices: Sequence[Slice], seen: set[str]) -> str:
    """An exercise's definitions, and of the first one's slice all that was not seen.

    A helper counts once, or it would for every exercise; what the other slices need beside their
    definitions may be the whole notebook.
    """
    own = dict.fromkeys(made.own for made in slices)
    kept = dict[str, None]()
    for _, piece in slices[0].pieces:
        lines = piece.split("\n")
        texts = ["\n".join(lines[s.first - 1 : s.last]) for s in statements_of(piece)]
        kept |= dict.fromkeys(text for text in texts if text in own or text not in seen)
    kept |= own
    seen.update(kept)
    return "\n".join(kept)


def given(root: Path, found: Answers) -> dict[str, tuple[Piece, ...]]:
    """What the course shows to everybody, by exercise: what is nobody's own.

    Of the exercise's own chapter and the textbook also what is nearly the same counts; of all the
    rest, which is six times as much, what is the same.
    """
    made = {}
    for id, own in found.pieces.items():
        wrote = {piece.tokens for pieces in own.values() for piece in pieces}
        same = (piece for piece in shown_elsewhere(root) if piece.tokens in wrote)
        made[id] = (*shown(root, id[:2]), *same)
    return made


@cache
def shown(root: Path, chapter: str) -> tuple[Piece, ...]:
    """A chapter's solutions, stubs and page, and the textbook."""
    rooms = [root / "course_lib" / room for room in TEXTBOOK]
    return _pieces_of([*_of_chapter(root, chapter), *_of_library(rooms)])


@cache
def shown_elsewhere(root: Path) -> tuple[Piece, ...]:
    """The same of all chapters, and the whole library without the grader and the commands."""
    sources = [text for key in key_files(root) for text in _of_chapter(root, key.name[:2])]
    rooms = [path for path in (root / "course_lib").iterdir() if path.name not in NOT_SHOWN]
    return _pieces_of([*sources, *_of_library(rooms)])


def _of_chapter(root: Path, chapter: str) -> list[str]:
    solved = [cell.source for cell in solution_cells(root, chapter) if cell.kind == "code"]
    sources = [keep(source) for source in solved for keep in (with_solution, without_solution)]
    for page in sorted((root / "notebooks").glob(f"{chapter}_*.ipynb")):
        sources += [cell.source for cell in read_cells(page) if cell.kind == "code"]
    return sources


def _of_library(rooms: Iterable[Path]) -> list[str]:
    files = [path for room in rooms for path in (room.rglob("*.py") if room.is_dir() else [room])]
    return [path.read_text(encoding="utf-8") for path in sorted(files) if path.suffix == ".py"]


def _pieces_of(sources: Iterable[str]) -> tuple[Piece, ...]:
    once = {piece.tokens: piece for source in sources for piece in pieces(plain_python(source))}
    return tuple(once.values())
