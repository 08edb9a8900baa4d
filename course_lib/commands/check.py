"""`course check`: run a learner's exercise notebook and say what each answer is."""

import argparse
import re
import sys
from pathlib import Path

from course_lib.grader.course import progress
from course_lib.grader.course.finding.looking import MENTIONED
from course_lib.grader.course.listing import find_listed, listed, pages
from course_lib.grader.course.submission import answers
from course_lib.grader.judging.verdict import Verdict
from course_lib.grader.running.reading.handed_in import cells_in
from course_lib.paths import ROOT, WORK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course check`."""
    parser.add_argument("what", help="a chapter such as 02, an exercise id, or a notebook's path")
    parser.add_argument("--hints", type=int, default=1, choices=range(4), help="how many to show")
    parser.add_argument("--solution", action="store_true", help="show a solution after the hints")


def run(args: argparse.Namespace) -> int:
    """Print a verdict for each exercise; exit code 0 only when all of them are right."""
    try:
        path, ids = _what(args.what)
        states, told = [], ""
        for verdict in answers(ROOT, path, ids):
            _show(verdict, args)
            states.append(verdict.state)
            told = _note(verdict) or told
    except (KeyError, ValueError, OSError) as error:
        print(f"course check: {error.args[-1]}", file=sys.stderr)
        return 2
    if told:
        print(f"course check: not kept for `course progress`: {told}", file=sys.stderr)
    print(f"{states.count('right')} of {len(states)} right")
    return int(states.count("right") < len(states))


def _what(what: str) -> tuple[Path, list[str]]:
    """The notebook to run and the ids to judge."""
    if re.fullmatch(r"\d{1,2}(\.[a-z0-9-]+)?", what):
        what = what if what[1:2].isdecimal() else f"0{what}"
        ids = _ids(what[:2])
        path = WORK / "exercises" / pages(ROOT)[what[:2]].name
        if not path.exists():
            raise ValueError(f"{path} is not there: run `python3 course.py lab` once")
        return path, [find_listed(ROOT, what).id] if "." in what else ids
    path = Path(what)
    if not path.exists():
        raise ValueError(f"{what} is neither a chapter, an exercise id nor a file")
    chapter = _chapter_of(path)
    ids = _ids(chapter)
    if _is_page(path, ids):
        told = f"course check {chapter}"
        raise ValueError(f"{what} is the chapter's page, its answers are elsewhere: `{told}`")
    return path, ids


def _chapter_of(path: Path) -> str:
    """The chapter by which a file is named; else the one whose exercises it names."""
    if re.match(r"\d\d(?!\d)", path.name):
        return path.name[:2]
    named = {each.decode() for each in MENTIONED.findall(path.read_bytes())}
    if len(named) != 1:
        told = f"{path.name} names exercises of chapters {', '.join(sorted(named))}"
        told = told if named else f"{path.name} names no exercise of this course"
        raise ValueError(f"{told}: begin its name with the chapter's number, as in 02_{path.name}")
    return named.pop()


def _is_page(path: Path, ids: list[str]) -> bool:
    """Is a file the page of its chapter, whose own code would be taken for answers?"""
    page = next((ROOT / "notebooks").glob(f"{ids[0][:2]}_*.ipynb"), None)
    if page is None:
        return False
    cells = cells_in(path.read_bytes(), path.name)
    given = {cell.source.strip() for cell in cells_in(page.read_bytes(), page.name)}
    own = [cell.source.strip() for cell in cells]
    tagged = any(set(cell.tags) & set(ids) for cell in cells)
    return not tagged and 2 * sum(source in given for source in own) > len(own)


def _ids(chapter: str) -> list[str]:
    if chapter not in pages(ROOT):
        there = ", ".join(pages(ROOT))
        raise ValueError(f"no exercises for chapter {chapter!r}; there are: {there}")
    return [exercise.id for exercise in listed(ROOT, chapter)]


def _note(verdict: Verdict) -> str:
    """Keep a verdict, and say why that can't be done: the verdict itself counts without it."""
    try:
        if WORK.exists():
            progress.record(WORK, verdict)
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _show(verdict: Verdict, args: argparse.Namespace) -> None:
    print(f"[{verdict.state}] {verdict.id}: {verdict.summary}")
    if verdict.mistake:
        print(f"    this is what you get when {verdict.mistake}")
    where = (f"from {verdict.where}",) if verdict.where and verdict.state != "right" else ()
    for line in (*verdict.crash, *verdict.details, *where, *verdict.notes):
        print(f"    {line}")
    for number, hint in enumerate(verdict.hints[: args.hints], 1):
        print(f"    hint {number} of {len(verdict.hints)}: {hint}")
    if args.solution and verdict.solution:
        print(
            "    a solution:\n" + "\n".join(f"        {x}" for x in verdict.solution.splitlines())
        )
