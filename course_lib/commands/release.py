"""`course release`: the course for a class, with baked answer sheets and without answers."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from course_lib.commands.bundles import zip_each
from course_lib.commands.chapters import add_option, chosen
from course_lib.commands.closed import close
from course_lib.commands.handout import page, readme
from course_lib.commands.released import note
from course_lib.grader.book.students import beside, for_release, load_class
from course_lib.grader.course.files import exercises, is_answer, sheet_for, solution_cells
from course_lib.grader.judging.bake import save_sheet, sheet_file
from course_lib.grader.judging.key import Exercise
from course_lib.notebooks import with_solution
from course_lib.paths import ROOT, write_atomic

# What a class gets besides its chapters. Tests, sources and solutions stay at home.
COMMON = ("course.py", "course_lib", "requirements", "pyproject.toml", "LICENSE")
DOCS = ("notation.md", "data.md")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course release`."""
    parser.add_argument("out", type=Path, help="the folder to make; it must not exist yet")
    add_option(parser, "all")
    told = "leave out of course_lib what exercises ask for and nothing else in the bundle needs"
    parser.add_argument("--closed", action="store_true", help=told)
    told = "a list of students: make a bundle for each, with exercises of their own"
    parser.add_argument("--roster", type=Path, help=told)


def run(args: argparse.Namespace) -> int:
    """Write the bundle whole or not at all."""
    try:
        chapters = wanted(args.chapters)
        people = load_class(args.roster) if args.roster else None
        gone: list[str] | None = [] if args.closed else None
        each = release_each(args.out, chapters, args.roster, gone) if people else 0
        count = len(graded(chapters)) if each else release(args.out, chapters, gone)
    except (ValueError, OSError) as error:
        print(f"course release: {error}", file=sys.stderr)
        return 2
    if people:
        print(people.told)
    print(f"{args.out}: chapters {', '.join(sorted(chapters))} with {count} exercises")
    if gone is not None:
        print(f"left out of course_lib: {', '.join(gone) or 'nothing, all of it is needed'}")
    if each:
        print(f"one archive for each of {each} students; what differs was drawn with the seed in")
        print(f"{beside(args.roster)}: keep it, and never hand it out")
    _note(args, chapters)
    return 0


def _note(args: argparse.Namespace, chapters: set[str]) -> None:
    try:
        note(args.out, chapters, args.roster)
    except (ValueError, OSError) as error:
        told = "`course grade` won't know what was handed out; give it --chapters"
        print(f"not noted ({error}): {told}", file=sys.stderr)


def wanted(chapters: str | None = None) -> set[str]:
    """The chapters to hand out: those named, or all that have a page. Raises ValueError."""
    there = sorted(path.name[:2] for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    return set(there if chapters is None else chosen(chapters, there))


def release(out: Path, chapters: set[str], gone: list[str] | None = None) -> int:
    """Make the bundle and return how many exercises it has.

    With a list for what is `gone`, the library is closed, and the list says what it lost.

    Raises ValueError when `out` exists (a class's folder is never overwritten) and when there is
    nothing to hand out.
    """
    _refuse(out, chapters)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        bundle = Path(folder) / "course"
        _copy_common(bundle)
        for name in ("notebooks", "exercises", "notebooks/quizzes", "notebooks/studies"):
            _copy_chapters(ROOT / name, bundle / name, chapters)
        for exercise in graded(chapters):
            save_sheet(sheet_file(bundle, exercise.id), sheet_for(ROOT, exercise.id))
        write_atomic(bundle / "README.md", readme(bundle))
        if gone is not None:
            gone += closed(bundle)
        bundle.rename(out)
    return len(graded(chapters))


def release_each(out: Path, chapters: set[str], roster: Path, gone: list[str] | None = None) -> int:
    """Make a bundle for each student on a list and return how many.

    Raises ValueError when `out` exists, when there is nothing to hand out, and when the list can't
    be used.
    """
    _refuse(out, chapters)
    draw = for_release(roster, graded(chapters))
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        common, each = Path(folder) / "common", Path(folder) / out.name
        release(common, chapters, gone)
        zip_each(common, each, draw)
        each.rename(out)
    return len(draw.students)


def closed(bundle: Path) -> list[str]:
    """Close the library to every exercise of the course, also of chapters that come later."""
    every = exercises(ROOT)
    cells = [cell for number in sorted({e.chapter for e in every}) for cell in _answers(number)]
    return close(bundle, {e.name for e in every}, cells)


def _answers(chapter: str) -> list[str]:
    return [with_solution(c.source) for c in solution_cells(ROOT, chapter) if is_answer(c)]


def graded(chapters: set[str]) -> list[Exercise]:
    """The exercises of these chapters."""
    return [exercise for exercise in exercises(ROOT) if exercise.chapter in chapters]


def _refuse(out: Path, chapters: set[str]) -> None:
    if out.exists():
        raise ValueError(f"{out} exists already; choose another folder or move it away")
    asked = {exercise.chapter for exercise in graded(chapters)}
    if not asked:
        told = ", ".join(sorted(chapters)) or "of this course"
        raise ValueError(f"chapters {told} have no exercises: there is nothing to hand out")
    if missing := sorted(n for n in asked if not list((ROOT / "exercises").glob(f"{n}_*.ipynb"))):
        raise ValueError(f"no exercise notebook of chapter {missing[0]}: run `course build` first")
    out.parent.mkdir(parents=True, exist_ok=True)


def _copy_common(bundle: Path) -> None:
    bundle.mkdir()
    for name in COMMON:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, bundle / name, ignore=LEFT_OUT)
        else:
            shutil.copy(source, bundle / name)
    for name in DOCS:
        (bundle / "docs").mkdir(exist_ok=True)
        shutil.copy(ROOT / "docs" / name, bundle / "docs" / name)


def _copy_chapters(source: Path, target: Path, chapters: set[str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("[0-9][0-9]_*")):
        if path.suffix == ".ipynb" and path.name[:2] in chapters:
            write_atomic(target / path.name, page(path, chapters))
        elif path.is_file() and path.name[:2] in chapters:
            shutil.copy(path, target / path.name)
