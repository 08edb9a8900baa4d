"""`course collect`: what a platform gives out of a class's work, as one folder for each student."""

import argparse
import sys
from pathlib import Path

from course_lib.commands.folders import held, refuse_other
from course_lib.grader.book.collecting.members import Archive, CollectError, opened
from course_lib.grader.book.collecting.placing import planned
from course_lib.grader.book.collecting.plan import Plan
from course_lib.grader.book.collecting.writing import Collected, write
from course_lib.grader.book.exports.people import People
from course_lib.grader.book.students import load_class
from course_lib.grader.book.times import FILE
from course_lib.grader.course.files import chapters_of
from course_lib.paths import ROOT

FORMS = "Canvas's or Moodle's or Blackboard's download, or a zip with a folder for each student"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course collect`."""
    parser.add_argument("archive", type=Path, help="the zip file, or the folder that it became")
    parser.add_argument("--out", type=Path, required=True, help="the folder of submissions")
    parser.add_argument("--roster", type=Path, help="the students as your platform exports them")


def run(args: argparse.Namespace) -> int:
    """Sort the archive; exit code 1 when a file has no place, 2 when nothing was written."""
    try:
        people = load_class(args.roster) if args.roster else None
        _refuse(args)
        with opened(args.archive) as archive:
            plan = planned(archive, people)
            if not plan.placed:
                raise CollectError(_nothing(args.archive, archive, plan))
            done = write(plan, args.out, people, set(chapters_of(ROOT)))
    except (OSError, ValueError) as error:
        print(f"course collect: {error}", file=sys.stderr)
        return 2
    _tell(args.out, people, plan, done)
    return int(bool(plan.left))


def _refuse(args: argparse.Namespace) -> None:
    if args.archive.is_dir():
        refuse_other(args.archive, f"expected {FORMS}")
        if args.out.resolve().is_relative_to(args.archive.resolve()):
            raise CollectError(
                f"--out {args.out} lies within {args.archive}; choose another folder"
            )
    elif not args.archive.is_file():
        raise CollectError(f"{args.archive} is not there; expected {FORMS}")


def _nothing(source: Path, archive: Archive, plan: Plan) -> str:
    """Why nothing of an archive can be placed, with what was found."""
    found = f"{len(archive.members)} files" if source.is_file() else held(source)
    listed = [f"\n  {what}: {why}" for what, why in plan.left[:5]]
    listed += ["\n  …"] if len(plan.left) > 5 else []
    return f"nothing in {source} could be placed: found {found}; expected {FORMS}{''.join(listed)}"


def _tell(out: Path, people: People | None, plan: Plan, done: Collected) -> None:
    """What was read, what was done, and everything that wasn't."""
    if people:
        print(people.told)
    forms = ", ".join(f"{name} ({count} files)" for name, count in plan.platforms.most_common())
    print(f"read as: {forms}")
    passed = ", ".join(f"{name} ({count})" for name, count in sorted(plan.litter.items()))
    for what, told in (("passed by", passed), ("not used", ", ".join(plan.unused))):
        if told:
            print(f"{what}: {told}")
    for note in [*plan.notes, *done.aside, *(f"{FILE}: was {line}" for line in done.replaced)]:
        print(note, file=sys.stderr)
    for what, why in plan.left:
        print(f"not placed: {what} ({why})", file=sys.stderr)
    if nothing := sorted({*done.new, *done.same} - done.work):
        print(f"no notebook and no script from: {', '.join(nothing)}")
    if people and (missing := _missing(people, out)):
        print(f"nothing at all from: {'; '.join(missing)}")
    if not people and plan.platforms.keys() != {"folders"}:
        print("folders are named as the archive names people; a --roster gives them accounts")
    if done.timeless:
        late = f"; marked LATE: {', '.join(sorted(done.late))}" if done.late else ""
        print(f"no times in this archive{late}")
        print(f"no day is counted until you write times into {out / FILE}")
    counts = [f"{len(done.new)} students", f"{done.new.total()} files", f"{len(done.late)} LATE"]
    counts += [f"{done.same.total()} files there already"] if done.same else []
    counts += [f"{len(plan.left)} not placed"] if plan.left else []
    print(f"{out}: {', '.join(counts)}")


def _missing(people: People, out: Path) -> list[str]:
    return [str(p) for p in people.students if not (out / p.account).is_dir()]
