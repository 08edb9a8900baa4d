"""`course progress`: what is solved, chapter by chapter."""

import argparse
import sys

from course_lib.grader.course.listing import listed
from course_lib.grader.course.progress import load
from course_lib.paths import ROOT, WORK

SIGNS = {"right": "✓", "wrong": "✗", "crashed": "!", "not attempted": "○"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`course progress` takes no options."""


def run(args: argparse.Namespace) -> int:
    """Print each exercise's state and the points gained."""
    try:
        seen, there = load(WORK), listed(ROOT)
    except (KeyError, ValueError) as error:
        print(f"course progress: {error.args[0]}", file=sys.stderr)
        return 2
    gained = total = 0
    for exercise in there:
        entry = seen.get(exercise.id, {"state": "not attempted", "tries": 0})
        solved = entry["state"] == "right"
        gained, total = gained + solved * exercise.points, total + exercise.points
        tries = f"after {entry['tries']} tries" if entry["tries"] > 1 else ""
        state = f"{SIGNS[entry['state']]} {entry['state']}"
        print(f"{state:16} {exercise.id:26} {exercise.title}  {tries}".rstrip())
    print(f"{gained} of {total} points")
    return 0
