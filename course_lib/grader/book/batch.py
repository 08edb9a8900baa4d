"""Grade a class: one task a student, on any `concurrent.futures.Executor`."""

from collections.abc import Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import replace
from pathlib import Path

from ..course.files import exercises, stamp
from ..course.finding.work import digest
from .came import Came
from .dated import kept_times, stamped
from .gradebook import is_done, load_rows, merged, save_rows
from .lanes import LaneError
from .memory import TooMuchMemory
from .one_student import Task, grade_student
from .shelf import shelf
from .times import Times


def grade_class(executor: Executor, book: Path, tasks: list[Task]) -> Iterator[tuple[str, str]]:
    """Grade every student that isn't done; yields (student, trouble or "") as they finish.

    Each result is written as it comes, so that a batch that is killed loses only what was running.
    """
    with shelf(book) as folder:
        yield from _graded(executor, book, [_started(i, t, folder) for i, t in enumerate(tasks)])


def _started(number: int, task: Task, folder: Path) -> Task:
    """A task with the run's sheets; not where an answer could read or change them.

    It begins elsewhere than the one before it, so that the first ones bake different sheets: at 0,
    1/2, 1/4, 3/4 and so on of the chapters.
    """
    share = int(f"{number:b}"[::-1], 2) / (1 << number.bit_length())
    first = int(share * len(task.chapters))
    chapters = task.chapters[first:] + task.chapters[:first]
    return replace(task, chapters=chapters, shelf=None if task.level == "process" else folder)


def _graded(executor: Executor, book: Path, tasks: list[Task]) -> Iterator[tuple[str, str]]:
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
        except (LaneError, TooMuchMemory) as error:
            yield student, str(error)
        except UnicodeEncodeError:
            yield student, "the name of this folder is no text that a file can hold: rename it"
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
        ids = [e.id for e in exercises(task.root, chapter)]
        key = stamp(task.root, chapter)
        return is_done(book, task.folder.name, folder, task.seed, ids, task.values, key)

    return tuple(chapter for chapter in task.chapters if not done(chapter))


def out_of_date(book: Path, tasks: list[Task]) -> dict[str, int]:
    """How many lines of these students were judged by another key than the course has, by chapter.

    Points may have changed since, so such lines are graded again.
    """
    found: dict[str, int] = {}
    for task in tasks:
        for row in load_rows(book, task.folder.name):
            chapter = row["exercise"][:2]
            if chapter in task.chapters and row.get("key") != stamp(task.root, chapter):
                found[chapter] = found.get(chapter, 0) + 1
    return dict(sorted(found.items()))


def note_times(book: Path, tasks: list[Task], times: Times, came: Came) -> None:
    """Write into the gradebook's lines when each answer was handed in."""
    for task in tasks:
        rows = load_rows(book, task.folder.name)
        timed = stamped(rows, times, came)
        if timed != rows:
            save_rows(book, task.folder.name, timed)
