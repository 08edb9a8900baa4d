"""`course export`: a gradebook for Canvas, Moodle, Gradescope, nbgrader, or as plain CSV."""

import argparse
import sys
from pathlib import Path

from course_lib.commands.folders import held, is_gradebook
from course_lib.grader.book.exports import gradescope
from course_lib.grader.book.exports.formats import TEXTS
from course_lib.grader.book.exports.marks import Marks, load_marks
from course_lib.grader.book.exports.roster import load_roster
from course_lib.paths import ROOT, write_private


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course export`."""
    parser.add_argument("gradebook", type=Path, help="the folder that `course grade` made")
    parser.add_argument("--format", choices=TEXTS, required=True)
    parser.add_argument("--out", type=Path, help="a file, or a folder for gradescope")
    parser.add_argument("--roster", type=Path, help="the students as your platform exports them")
    parser.add_argument(
        "--visibility",
        choices=gradescope.VISIBILITIES,
        default="visible",
        help="when Gradescope shows the tests to students",
    )


def run(args: argparse.Namespace) -> int:
    """Write the export; exit code 2, with nothing written, when it can't be made."""
    try:
        if not is_gradebook(args.gradebook):
            told = f"is not a gradebook: it has {held(args.gradebook)}"
            expected = "expected the folder that `course grade` made, with book.json and results/"
            raise ValueError(f"{args.gradebook} {told}; {expected}")
        marks = load_marks(args.gradebook, args.visibility)
        notes = _write(args, marks)
    except (OSError, ValueError) as error:
        print(f"course export: {error}", file=sys.stderr)
        return 2
    for note in notes:
        print(note, file=sys.stderr)
    return 0


def _write(args: argparse.Namespace, marks: Marks) -> list[str]:
    if args.format == "gradescope" and args.out:
        gradescope.folder(marks, ROOT, args.out)
        return []
    roster = load_roster(args.roster) if args.roster else None
    text, notes = TEXTS[args.format](marks, roster)
    if args.out:
        write_private(args.out, text)
    else:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8")  # names are data: none may become "?"
        sys.stdout.write(text)
    return notes
