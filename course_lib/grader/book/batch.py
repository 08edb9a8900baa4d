"""Grade a class: one task a student, on any `concurrent.futures.Executor`.

The task lives in this module, so that workers in other processes can import it; each of them keeps
one warm process.
"""

import contextlib
import faulthandler
import platform
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ..course.files import exercises, key_files
from ..judging.verdict import Verdict
from ..running import seal
from ..running.cold import Cold
from ..running.warm import GRACE, Report, Warm
from .gradebook import digest, is_done, load_rows, merged, row, save_rows
from .grading import Graded, grade_submission
from .lanes import LaneError
from .times import Times, kept_times, stamped

# A cluster's worker may have threads, but a process has one warm process.
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Task:
    """A student's work and how to grade it, with the values of the student's own by exercise."""

    root: Path
    folder: Path
    chapters: tuple[str, ...]
    seed: int
    level: str
    values: dict[str, dict[str, Any]] = field(default_factory=dict)


def grade_class(executor: Executor, book: Path, tasks: list[Task]) -> Iterator[tuple[str, str]]:
    """Grade every student that isn't done; yields (student, trouble or "") as they finish.

    Each result is written as it comes, so that a batch that is killed loses only what was running.
    """
    waiting = {executor.submit(grade_student, task): task for task in tasks}
    for future in as_completed(waiting):
        task = waiting.pop(future)  # its result may be forgotten
        student = task.folder.name
        try:
            before, rows = load_rows(book, student), future.result()
            if any(row["work"] != work_of(task, row["exercise"][:2]) for row in rows):
                raise OSError("the worker has other files than this machine")
            save_rows(book, student, merged(before, kept_times(before, rows)))
            yield student, ""
        except LaneError as error:
            yield student, str(error)
        except Exception as error:  # one student's trouble is never the batch's end
            yield student, f"{type(error).__name__}: {error}"


def open_tasks(book: Path, tasks: list[Task]) -> list[Task]:
    """What is not in the gradebook yet with this very work and seed: tasks, down to a chapter."""
    left = [replace(task, chapters=_open_chapters(book, task)) for task in tasks]
    return [task for task in left if task.chapters]


def _open_chapters(book: Path, task: Task) -> tuple[str, ...]:
    def done(chapter: str) -> bool:
        ids = [e.id for e in exercises(task.root) if e.chapter == chapter]
        work = work_of(task, chapter)
        return is_done(book, task.folder.name, work, task.seed, ids, task.values)

    return tuple(chapter for chapter in task.chapters if not done(chapter))


def note_times(book: Path, tasks: list[Task], times: Times) -> None:
    """Write into the gradebook's lines when each chapter was handed in."""
    for task in tasks:
        rows = load_rows(book, task.folder.name)
        files = {chapter: handed_in(task, chapter) for chapter in task.chapters}
        timed = stamped(rows, times, files)
        if timed != rows:
            save_rows(book, task.folder.name, timed)


def grade_student(task: Task) -> list[dict]:
    """Every exercise of the chapters, graded; a chapter not handed in is not attempted.

    Raises OSError where this machine can't reach the task's level of isolation.
    """
    level_for(task.level)  # a worker of a cluster may be another machine
    if not task.folder.is_dir():
        raise FileNotFoundError(f"{task.folder} is not there; workers need the same folders")
    about = {
        "seed": task.seed,
        "isolation": task.level,
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }
    rows = []
    with ONE_AT_A_TIME, in_time(patience(task)):
        torch.set_num_threads(1)  # as many as there are processes would wait for each other
        for chapter in task.chapters:
            about["work"] = work_of(task, chapter)
            for graded in _chapter(task, chapter):
                about["values"] = task.values.get(graded.verdict.id, {})
                rows.append(row(task.folder.name, graded, **about))
    return rows


def patience(task: Task) -> float:
    """Seconds that grading a student may take: if all of the answers hang, and then some more."""
    asked = [e for e in exercises(task.root) if e.chapter in task.chapters]
    return 300 + len(asked) * 2 * (task.seconds + GRACE)


@contextlib.contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """End this process, saying where it is, when the block takes longer.

    Answers have limits of their own. This is for a text that holds up the grader itself, deep in
    C perhaps, where no exception can reach.
    """
    faulthandler.dump_traceback_later(seconds, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _chapter(task: Task, chapter: str) -> Iterator[Graded]:
    graded = [e for e in exercises(task.root) if e.chapter == chapter]
    path = handed_in(task, chapter)
    if path is None:
        for exercise in graded:
            told = f"no notebook of chapter {chapter} was handed in"
            points = {"out_of": exercise.points}
            verdict = Verdict(exercise.id, exercise.title, "not attempted", told, **points)
            yield Graded(verdict, Report(b"", b""))
        return
    ids = [e.id for e in graded]
    warm = runner(task.root, task.level)
    yield from grade_submission(warm, path, ids, task.seed, task.values)


@cache
def runner(root: Path, level: str) -> Warm | Cold:
    """One warm process for each process that grades."""
    return Warm(root, level) if sys.platform == "linux" else Cold(root)


def handed_in(task: Task, chapter: str) -> Path | None:
    """The student's file of a chapter: its own name first, then any that begins with its number.

    A link is no file: it could lead anywhere.
    """
    topic = next(p.stem for p in key_files(task.root) if p.name[:2] == chapter)
    found = [p for p in sorted(task.folder.glob(f"{chapter}*")) if p.suffix in (".ipynb", ".py")]
    files = [p for p in found if p.is_file() and not p.is_symlink()]
    own = [p for suffix in (".ipynb", ".py") for p in files if p.name == topic + suffix]
    return (own or files or [None])[0]


def work_of(task: Task, chapter: str) -> str:
    """A digest of what the student handed in for a chapter."""
    path = handed_in(task, chapter)
    return digest([path] if path else [])


def level_for(required: str | None) -> str:
    """The level to grade under. Raises OSError, with what is missing, below the one required."""
    level, missing = seal.reachable()
    if required and seal.LEVELS.index(level) > seal.LEVELS.index(required):
        raise OSError(f"isolation {required!r} is not to be had here: {missing}")
    return level
