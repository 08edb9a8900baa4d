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
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from ..course.files import exercises, key_files
from ..course.finding.facts import chapter_facts
from ..course.finding.work import Unused, Used, digest, find_work
from ..judging.verdict import Verdict
from ..running import seal
from ..running.cold import Cold
from ..running.slicing.slices import MOST
from ..running.warm import GRACE, Report, Warm
from .gradebook import is_done, load_rows, merged, row, save_rows
from .grading import Graded, grade_cells
from .lanes import LaneError
from .sealed import read
from .times import Times, kept_times, stamped

NAMED = 20  # cells that no answer needs, listed
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
            before, (rows, works) = load_rows(book, student), future.result()
            folder = digest(task.folder)
            if any(row["folder"] != folder for row in rows):
                raise OSError("the worker has other files than this machine")
            # What was graded before and is the same in a changed folder stays graded.
            known = [r | {"folder": folder} if same(r, works) else r for r in before]
            save_rows(book, student, merged(known, kept_times(before, rows)))
            yield student, ""
        except LaneError as error:
            yield student, str(error)
        except Exception as error:  # one student's trouble is never the batch's end
            yield student, f"{type(error).__name__}: {error}"


def same(row: dict, works: dict[str, str]) -> bool:
    """Is a line about the very file that is there for its chapter now?"""
    return row.get("work") == works.get(row["exercise"][:2])


def open_tasks(book: Path, tasks: list[Task]) -> list[Task]:
    """What is not in the gradebook yet with this very work and seed: tasks, down to a chapter."""
    left = [replace(task, chapters=_open_chapters(book, task)) for task in tasks]
    return [task for task in left if task.chapters]


def _open_chapters(book: Path, task: Task) -> tuple[str, ...]:
    folder = digest(task.folder)

    def done(chapter: str) -> bool:
        ids = [e.id for e in exercises(task.root) if e.chapter == chapter]
        return is_done(book, task.folder.name, folder, task.seed, ids, task.values)

    return tuple(chapter for chapter in task.chapters if not done(chapter))


def note_times(book: Path, tasks: list[Task], times: Times) -> None:
    """Write into the gradebook's lines when each chapter was handed in."""
    for task in tasks:
        rows = load_rows(book, task.folder.name)
        timed = stamped(rows, times)
        if timed != rows:
            save_rows(book, task.folder.name, timed)


def grade_student(task: Task) -> tuple[list[dict], dict[str, str]]:
    """Every exercise of the chapters, graded; a chapter not handed in is not attempted.

    Also gives a digest of the student's file for each chapter of the course.

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
    with ONE_AT_A_TIME, in_time(patience(task)):
        torch.set_num_threads(1)  # as many as there are processes would wait for each other
        warm = runner(task.root, task.level)
        there = [path.name[:2] for path in key_files(task.root)]
        facts = [chapter_facts(task.root, chapter) for chapter in there]
        work = find_work(task.folder, facts, partial(read, warm))
        about["folder"] = work.digest
        about["files_not_used"] = [[file.label, file.reason] for file in work.unused]
        rows = [
            row(task.folder.name, graded, **about, **_values(task, graded), **told)
            for chapter in task.chapters
            for graded, told in _chapter(warm, task, chapter, work.used[chapter], work.unused)
        ]
    return rows, {chapter: used.digest if used else "" for chapter, used in work.used.items()}


def _values(task: Task, graded: Graded) -> dict[str, Any]:
    return {"values": task.values.get(graded.verdict.id, {})}


def patience(task: Task) -> float:
    """Seconds that grading a student may take: if all of the answers hang, and then some more."""
    asked = [e for e in exercises(task.root) if e.chapter in task.chapters]
    return 300 + sum(MOST * (exercise.wall + GRACE) for exercise in asked)


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


def _chapter(
    warm: Warm | Cold, task: Task, chapter: str, used: Used | None, unused: tuple[Unused, ...]
) -> Iterator[tuple[Graded, dict[str, Any]]]:
    """A chapter's exercises, graded, and what else their lines say."""
    asked = [e for e in exercises(task.root) if e.chapter == chapter]
    if used is None:
        told = f"no notebook of chapter {chapter} was handed in" + _others(unused)
        about = {"work": "", "file": "", "changed": None, "cells_not_used": []}
        for e in asked:
            verdict = Verdict(e.id, e.title, "not attempted", told, out_of=e.points)
            yield Graded(verdict, Report(b"", b"")), about
        return
    ids, changed = [e.id for e in asked], used.changed
    graded, left = grade_cells(warm, list(used.cells), ids, task.seed, task.values)
    about = {"work": used.digest, "file": used.label, "cells_not_used": left[:NAMED]}
    about["changed"] = changed and changed.isoformat(timespec="seconds")
    yield from ((each, about) for each in graded)


def _others(unused: tuple[Unused, ...]) -> str:
    """Files that were handed in and are none, in a few words."""
    told = [f"`{file.label}` is not used: {file.reason}" for file in unused[:3]]
    return "".join(f"; {each}" for each in told)


@cache
def runner(root: Path, level: str) -> Warm | Cold:
    """One warm process for each process that grades."""
    return Warm(root, level) if sys.platform == "linux" else Cold(root)


def level_for(required: str | None) -> str:
    """The level to grade under. Raises OSError, with what is missing, below the one required."""
    level, missing = seal.reachable()
    if required and seal.LEVELS.index(level) > seal.LEVELS.index(required):
        raise OSError(f"isolation {required!r} is not to be had here: {missing}")
    return level
