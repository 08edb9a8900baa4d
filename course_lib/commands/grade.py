"""`course grade`: a folder of submissions in, a gradebook out."""

import argparse
import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

from course_lib.grader.book import batch, report
from course_lib.grader.book.gradebook import GradebookError, load_rows, open_book
from course_lib.grader.book.lanes import Lanes
from course_lib.grader.book.rules import keep_rules
from course_lib.grader.book.students import Draw, for_grading
from course_lib.grader.book.times import load_times
from course_lib.grader.book.unused import unused
from course_lib.grader.course.files import exercises, key_files
from course_lib.grader.running.seal import LEVELS
from course_lib.paths import ROOT

INSTALL = "python -m pip install -c requirements/constraints.txt -e '.[cluster]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course grade`."""
    parser.add_argument("submissions", type=Path, help="one folder for each student")
    parser.add_argument("--out", type=Path, required=True, help="the gradebook's folder")
    parser.add_argument("--chapters", default="", help="such as 02 or 02,03; all when left out")
    parser.add_argument("--student", help="grade this one only, again, as on appeal")
    parser.add_argument("--seed", type=int, help="for an appeal: the seed of the gradebook")
    parser.add_argument("--rules", type=Path, help="TOML file: late work and best-of")
    parser.add_argument("--roster", type=Path, help="the list that `course release` was given")
    parser.add_argument("--jobs", type=int, default=2, help="students at a time")
    parser.add_argument("--scheduler", help="address of a dask.distributed scheduler")
    parser.add_argument("--require-isolation", choices=LEVELS, help="refuse to grade under less")


def run(args: argparse.Namespace) -> int:
    """Grade what isn't graded yet; exit code 1 when a student's grading failed, 2 for no start."""
    try:
        level = batch.level_for(args.require_isolation)
        seed = open_book(args.out, args.seed)
        draw = for_grading(args.out, args.roster, exercises(ROOT))
        tasks = tasks_of(args, seed, level, draw)
        times = load_times(args.submissions)
        if args.scheduler and not importlib.util.find_spec("distributed"):
            raise ValueError(f"--scheduler needs Dask; install it with: {INSTALL}")
        if args.rules:
            keep_rules(args.out, args.rules)
    except (OSError, ValueError, GradebookError) as error:
        print(f"course grade: {error}", file=sys.stderr)
        return 2
    if level == "process":
        told = "an answer can read the solutions and change files; grade people you trust"
        print(f"Isolation is 'process' only: {told}.", file=sys.stderr)
    strangers = [task.folder.name for task in tasks if draw and not draw.knows(task.folder.name)]
    tasks = [task for task in tasks if task.folder.name not in strangers]
    before = _verdicts(args)
    todo = tasks if args.student else batch.open_tasks(args.out, tasks)
    print(f"{len(todo)} to grade, {len(tasks) - len(todo)} graded already, isolation {level}")
    try:
        trouble = _grade(args, todo)
    except (OSError, ValueError) as error:  # the scheduler doesn't answer
        print(f"course grade: {error}", file=sys.stderr)
        return 2
    told = {student: f"{why}; run the same command again" for student, why in trouble.items()}
    told |= dict.fromkeys(strangers, "not on the list of students")
    for student, why in told.items():
        print(f"not graded: {student} ({why})", file=sys.stderr)
    batch.note_times(args.out, tasks, times)
    _say_unused(args, todo)
    page = report.write(args.out)
    if before:
        _compare(args, before)
    there = len(tasks) + len(strangers)
    print(f"{page}: {len(tasks) - len(trouble)} of {there} students")
    return int(bool(trouble or strangers))


def _say_unused(args: argparse.Namespace, tasks: list[batch.Task]) -> None:
    """Name what was handed in and not used."""
    for task in tasks:
        for told in unused(load_rows(args.out, task.folder.name)):
            print(f"not used, {task.folder.name}: {told}")


def _compare(args: argparse.Namespace, before: dict[str, tuple]) -> None:
    """Say whether grading one student again changed anything."""
    changed = [id for id, told in _verdicts(args).items() if told != before.get(id)]
    print(f"{args.student}: " + (f"changed: {', '.join(changed)}" if changed else "same verdicts"))


def _verdicts(args: argparse.Namespace) -> dict[str, tuple]:
    """What the gradebook says of the one student who is graded again; nothing for a class."""
    rows = load_rows(args.out, args.student) if args.student else []
    return {r["exercise"]: (r["verdict"], r["points"], r["mistake"]) for r in rows}


def tasks_of(
    args: argparse.Namespace, seed: int, level: str, draw: Draw | None = None
) -> list[batch.Task]:
    """A task for each student. Raises ValueError for folders and chapters that are not there."""
    if not args.submissions.is_dir():
        raise ValueError(f"{args.submissions} is not a folder of submissions")
    there = [path.name[:2] for path in key_files(ROOT)]
    chapters = tuple(args.chapters.split(",")) if args.chapters else tuple(there)
    if unknown := set(chapters) - set(there):
        raise ValueError(f"no chapter {sorted(unknown)[0]!r}; there are: {', '.join(there)}")
    folders = sorted(p for p in args.submissions.iterdir() if p.is_dir() and not p.is_symlink())
    chosen = [p for p in folders if args.student in (None, p.name)]
    if not chosen:
        raise ValueError(f"{args.submissions} has no folder {args.student or 'of a student'!r}")
    return [
        batch.Task(
            ROOT, p.resolve(), chapters, seed, level, values=draw.values(p.name) if draw else {}
        )
        for p in chosen
    ]


def _grade(args: argparse.Namespace, todo: list[batch.Task]) -> dict[str, str]:
    """Run the tasks with a count that moves; what failed, by student."""
    trouble: dict[str, str] = {}
    if not todo:
        return trouble
    with _executor(args) as executor:
        graded = batch.grade_class(executor, args.out, todo)
        for number, (student, told) in enumerate(graded, 1):
            if told:
                trouble[student] = told
            if sys.stderr.isatty() or number == len(todo):
                print(f"\rgraded {number} of {len(todo)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return trouble


@contextlib.contextmanager
def _executor(args: argparse.Namespace) -> Iterator[Executor]:
    if not args.scheduler:
        with Lanes(args.jobs) as lanes:
            yield lanes
        return
    from distributed import Client

    # Not pure: the same student graded anew must not get the answer of before.
    with Client(args.scheduler) as client, client.get_executor(pure=False) as cluster:
        yield cluster
