"""`course progress`: what is solved, chapter by chapter, guessed and answered."""

import argparse
import sys

from course_lib import kept
from course_lib.commands.copies import find_chapter
from course_lib.grader.course.listing import listed
from course_lib.grader.course.progress import load
from course_lib.paths import ROOT, WORK
from course_lib.views.quiz import key_of, quiz

SIGNS = {"right": "✓", "wrong": "✗", "crashed": "!", "not attempted": "○"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course progress`."""
    parser.add_argument("chapter", nargs="?", default="", help="one chapter, such as 2; else all")


def run(args: argparse.Namespace) -> int:
    """Print each exercise's state and the points gained."""
    try:
        chapter = find_chapter(ROOT, args.chapter)[:2] if args.chapter else ""
        seen, there = load(WORK), listed(ROOT, chapter)
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
    try:
        print(_looked_at(kept.load(WORK), chapter))
    except ValueError as error:
        print(f"course progress: {error.args[0]}", file=sys.stderr)
    return 0


def _looked_at(there: dict[str, str | list[str]], chapter: str) -> str:
    """How many predictions were made, and how many questions of the quizzes are answered."""
    quizzes = sorted((ROOT / "notebooks" / "quizzes").glob(f"{chapter}*.toml"))
    questions = [question for path in quizzes for question in quiz(path.name[:2]).questions]
    tries = [there.get(f"quiz.{question.id}", []) for question in questions]
    rights = [{key_of(o) for o in question.options if o.right} for question in questions]
    solved = sum(bool(right & set(tried)) for right, tried in zip(rights, tries, strict=True))
    first = sum(bool(right & set(tried[:1])) for right, tried in zip(rights, tries, strict=True))
    guesses = sum(key.startswith(f"guess.{chapter}") for key in there)
    return (
        f"{solved} of {len(questions)} quiz questions, {first} at the first try; "
        f"{guesses} prediction{'s' * (guesses != 1)} made"
    )
