"""`course similar`: pairs of students whose answers are worth a look, side by side."""

import argparse
import importlib.util
import sys
import warnings
from pathlib import Path

from course_lib.commands.chapters import add_option, chosen
from course_lib.commands.folders import students_in
from course_lib.commands.grade import chosen_of, tasks_of
from course_lib.grader.book.one_student import level_for
from course_lib.grader.course.files import chapters_of
from course_lib.grader.similar.answers import gather, given
from course_lib.grader.similar.nearness import alike
from course_lib.grader.similar.similar_page import page, told
from course_lib.paths import ROOT, write_private

INSTALL = "python -m pip install -c requirements/constraints.txt -e '.[similar]'"
FEW = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course similar`."""
    parser.add_argument("submissions", type=Path, help="one folder for each student")
    parser.add_argument("--out", type=Path, required=True, help="the page to write, an HTML file")
    add_option(parser, "all")


def run(args: argparse.Namespace) -> int:
    """Compare, write the page, list the pairs; exit code 2 when there is nothing to compare."""
    try:
        if args.out.is_dir():
            raise ValueError(f"--out {args.out} is a folder; name the page, such as similar.html")
        if not importlib.util.find_spec("rapidfuzz"):
            raise ValueError(f"this report needs RapidFuzz; install it with: {INSTALL}")
        students, passed = students_in(args.submissions)
        there = chapters_of(ROOT)
        chapters = there if args.chapters is None else chosen(args.chapters, there)
        tasks = tasks_of(chosen_of(args.submissions, students, None), chapters, 0, level_for(None))
    except (OSError, ValueError) as error:
        print(f"course similar: {error}", file=sys.stderr)
        return 2
    if passed:
        print(f"passed by: {', '.join(passed)}", file=sys.stderr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's and nbformat's, about what students wrote
        found = gather(tasks)
    shown = given(ROOT, found)
    pairs = alike(found.pieces, shown)
    write_private(args.out, page(pairs, found, shown, len(tasks)))
    left_out = f", {len(found.left_out)} left out" if found.left_out else ""
    print(f"{len(tasks)} students, {len(found.sources)} answers compared{left_out}")
    if len(tasks) < FEW:
        print(f"With fewer than {FEW} students there is no telling what is usual.", file=sys.stderr)
    for pair in pairs:
        print(told(pair))
    print(f"{args.out}: {len(pairs)} to look at")
    return 0
