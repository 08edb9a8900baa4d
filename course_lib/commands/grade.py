"""`course grade`: a folder of submissions in, a gradebook out."""

import argparse
import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

from course_lib.commands.chapters import add_option
from course_lib.commands.folders import EXPECTED, held, refuse_target, students_in
from course_lib.commands.released import to_grade
from course_lib.grader.book import batch, report
from course_lib.grader.book.came import load_came
from course_lib.grader.book.gradebook import GradebookError, load_rows, open_book
from course_lib.grader.book.lanes import Lanes
from course_lib.grader.book.one_student import Task, level_for
from course_lib.grader.book.rules import keep_rules, load_rules
from course_lib.grader.book.students import Draw, for_grading, load_class
from course_lib.grader.book.times import FILE, Times, load_times, strangers
from course_lib.grader.book.unused import unused
from course_lib.grader.course.files import exercises
from course_lib.grader.course.finding.candidates import shown
from course_lib.grader.running.seal import LEVELS
from course_lib.paths import ROOT

INSTALL = "python -m pip install -c requirements/constraints.txt -e '.[cluster]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course grade`."""
    parser.add_argument("submissions", type=Path, help="one folder for each student")
    parser.add_argument("--out", type=Path, required=True, help="the gradebook's folder")
    add_option(parser, "what was released, or else what was handed in,")
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
        level = level_for(args.require_isolation)
        came = load_came(args.submissions)
        tasks, draw, times = _ready(args, level)
    except (OSError, ValueError, GradebookError) as error:
        print(f"course grade: {error}", file=sys.stderr)
        return 2
    if level == "process":
        told = "an answer can read the solutions and change files; grade people you trust"
        print(f"Isolation is 'process' only: {told}.", file=sys.stderr)
    unlisted = [task.folder.name for task in tasks if draw and not draw.knows(task.folder.name)]
    tasks = [task for task in tasks if task.folder.name not in unlisted]
    before = _verdicts(args)
    for chapter, count in batch.out_of_date(args.out, tasks).items():
        print(f"{count} lines are out of date, as the key of {chapter} changed: graded again")
    todo = tasks if args.student else batch.open_tasks(args.out, tasks)
    print(f"{len(todo)} to grade, {len(tasks) - len(todo)} graded already, isolation {level}")
    try:
        trouble = _grade(args, todo)
    except (OSError, ValueError) as error:  # the scheduler doesn't answer
        print(f"course grade: {error}", file=sys.stderr)
        return 2
    batch.note_times(args.out, tasks, times, came)
    _say(args, trouble, unlisted, todo)
    page = report.write(args.out)
    if before:
        _compare(args, before)
    there = len(tasks) + len(unlisted)
    print(f"{page}: {len(tasks) - len(trouble)} of {there} students")
    return int(bool(trouble or unlisted))


def _say(
    args: argparse.Namespace, trouble: dict[str, str], unlisted: list[str], todo: list[Task]
) -> None:
    """Name who was not graded, what was handed in and not used, and who is late without a time."""
    told = {student: f"{why}; run the same command again" for student, why in trouble.items()}
    told |= dict.fromkeys(unlisted, "not on the list of students")
    for student, why in told.items():
        print(f"not graded: {shown(student)} ({why})", file=sys.stderr)
    for task in todo:
        for left in unused(load_rows(args.out, task.folder.name)):
            print(f"not used, {shown(task.folder.name)}: {left}")
    if marked := report.marked_late(args.out):
        why = "marked LATE by the platform without a time, so that no day is counted"
        print(f"{why}: {', '.join(marked)}", file=sys.stderr)


def _ready(args: argparse.Namespace, level: str) -> tuple[list[Task], Draw | None, Times]:
    """What to grade and how. Says what was taken for what, and writes only when all of it fits."""
    students, passed = students_in(args.submissions)
    chosen = chosen_of(args.submissions, students, args.student)
    chapters, why = to_grade(args.chapters, args.roster, students)
    refuse_target(args.out, args.submissions)
    people = load_class(args.roster) if args.roster else None
    times = load_times(args.submissions)
    if args.scheduler and not importlib.util.find_spec("distributed"):
        raise ValueError(f"--scheduler needs Dask; install it with: {INSTALL}")
    if args.rules:
        load_rules(args.rules)
    if (args.out / "book.json").exists():
        open_book(args.out, args.seed)  # it may have another seed
    draw = for_grading(args.out, args.roster, exercises(ROOT))
    seed = open_book(args.out, args.seed)
    if args.rules:
        keep_rules(args.out, args.rules)
    if people:
        print(people.told)
    if nobody := strangers(times, [path.name for path in students]):
        print(f"{FILE} has lines for nobody's folder: {', '.join(nobody)}", file=sys.stderr)
    if passed:
        print(f"passed by: {', '.join(passed)}", file=sys.stderr)
    print(f"chapters {', '.join(chapters)}: {why}")
    return tasks_of(chosen, chapters, seed, level, draw), draw, times


def _compare(args: argparse.Namespace, before: dict[str, tuple]) -> None:
    """Say whether grading one student again changed anything."""
    changed = [id for id, told in _verdicts(args).items() if told != before.get(id)]
    print(f"{args.student}: " + (f"changed: {', '.join(changed)}" if changed else "same verdicts"))


def _verdicts(args: argparse.Namespace) -> dict[str, tuple]:
    """What the gradebook says of the one student who is graded again; nothing for a class."""
    rows = load_rows(args.out, args.student) if args.student else []
    return {r["exercise"]: (r["verdict"], r["points"], r["mistake"]) for r in rows}


def chosen_of(submissions: Path, students: list[Path], student: str | None) -> list[Path]:
    """The folders of all students, or of one. Raises ValueError when there is none."""
    chosen = [path for path in students if student in (None, path.name)]
    if not chosen:
        told = f"{submissions} has no folder {student or 'of a student'!r}"
        raise ValueError(f"{told}; {EXPECTED}, found {held(submissions)}")
    return chosen


def tasks_of(
    folders: list[Path],
    chapters: tuple[str, ...],
    seed: int,
    level: str,
    draw: Draw | None = None,
) -> list[Task]:
    """A task for each student's folder."""
    return [
        Task(ROOT, p.resolve(), chapters, seed, level, values=draw.values(p.name) if draw else {})
        for p in folders
    ]


def _grade(args: argparse.Namespace, todo: list[Task]) -> dict[str, str]:
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
