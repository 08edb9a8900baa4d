"""Collected work on disk: a folder for each student, what is known of times, and a record.

Nothing of a student's is overwritten. A target that isn't there yet appears whole; into one that
is, each file is moved whole, so that a crash is mended by collecting the same archive again.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_lib.paths import write_private

from ..came import RECORD, Came, File, as_record, load_came
from ..exports.people import People
from ..exports.spelling import normal
from ..times import Times, Told, add_times, load_times
from .members import CollectError
from .placing import WORK
from .plan import Placed, Plan
from .versions import NEW, SAME, Versions, chapter_of

# Of a student's files: each is compared with all others. And bytes, as grading reads no more.
MOST, BYTES = 300, 256 << 20


@dataclass
class Collected:
    """What was done: files by student, new and there already, and who has work among them.

    Also whose is late, of whom no time is known, the lines of times that were replaced, and the
    earlier files that have another name now.
    """

    new: Counter = field(default_factory=Counter)
    same: Counter = field(default_factory=Counter)
    work: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    timeless: set[str] = field(default_factory=set)
    replaced: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)


def write(plan: Plan, out: Path, people: People | None, chapters: Collection[str]) -> Collected:
    """Write what a plan places, work on these chapters of the course and all else.

    Raises CollectError when `out` holds something else, or another class; what can't be unpacked
    goes to the plan's list of what is left.
    """
    by = "a list" if people else plan.platforms.most_common(1)[0][0]
    before = _earlier(out, by, people)
    came = load_came(out, moving=True)
    done = Collected()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        made = Path(folder) / out.name
        made.mkdir()
        times, folders = _fill(made, out, came, plan, done, chapters)
        students = sorted({*before, *(path.name for path in made.iterdir())})
        record = {"by": by, "students": students} | _known(came, times, folders)
        if before:
            # What is known of files is kept before any of them moves, and how they move.
            aside = {student: each.aside for student, each in folders.items() if each.aside}
            _record(out, record | {"aside": aside})
            done.replaced = add_times(out, times)
            _move_into(made, out, folders)
            _record(out, record)
        elif students:
            add_times(made, times)
            _record(made, record)
            if out.exists():
                out.rmdir()  # it is empty
            made.rename(out)
    return done


def _record(folder: Path, record: dict) -> None:
    write_private(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _known(came: Came, times: Times, folders: dict[str, Versions]) -> dict[str, dict]:
    """What the record has of files, and of lines that are not the instructor's."""
    files = {**came.files, **{normal(student): each.came for student, each in folders.items()}}
    lines: dict[str, dict[str, Told]] = {}
    for (student, chapter), told in {**came.lines, **times}.items():
        lines.setdefault(student, {})[chapter] = told
    kept = {"files": files, "lines": lines}
    return {
        name: {student: as_record(told) for student, told in sorted(each.items()) if told}
        for name, each in kept.items()
    }


def _earlier(out: Path, by: str, people: People | None) -> list[str]:
    """The students of what was collected into `out` before."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return []
    try:
        kept = json.loads((out / RECORD).read_text(encoding="utf-8"))
        earlier, students = kept["by"], list(kept["students"])
        _finish(out, kept.get("aside", {}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        told = "is not empty, and `course collect` didn't make it; choose another folder"
        raise CollectError(f"{out} {told}") from error
    if earlier != by:
        told = f"its folders are named by {earlier}, these would be named by {by}"
        raise CollectError(f"{out} was collected in another way: {told}; choose another folder")
    if people and not {person.account for person in people.students} & set(students):
        told = f"none of its {len(students)} students is in {people.name}"
        raise CollectError(f"{out} holds another class: {told}")
    return students


def _finish(out: Path, aside: dict[str, dict[str, str]]) -> None:
    """Give the names that a collecting which was ended on its way had still to give."""
    for student, names in aside.items():
        for name, free in names.items():
            if (out / student / name).is_file() and not (out / student / free).exists():
                (out / student / name).rename(out / student / free)


def _fill(
    made: Path, out: Path, came: Came, plan: Plan, done: Collected, chapters: Collection[str]
) -> tuple[Times, dict[str, Versions]]:
    """Write the files that `out` doesn't have; returns what is known of when they came.

    Of several files for a chapter the newest counts: it is what will be graded.
    """
    listed, times, beside, sure, folders = load_times(out), {}, {}, set(), {}
    for placed in _newest(plan):
        try:
            data = placed.member.read()
        except CollectError as error:
            plan.left.append((str(placed.member), str(error)))
            continue
        student = placed.student
        known = dict(came.files.get(normal(student), {}))
        folder = folders.setdefault(student, Versions(out / student, made / student, known))
        named = chapter_of(placed.file, data)
        key = student, named if named in chapters else ""
        is_work = _is_work(placed)
        done.work |= {student} if is_work else set()
        sure |= {student} if is_work or key[1] else set()
        state = folder.put(placed, data, File(**asdict(placed.told), chapter=key[1]))
        (done.same if state == SAME else done.new)[student] += 1
        unlisted = not {key, (student, "")} & listed.keys()
        if state == NEW or (state == SAME and unlisted):
            (times if is_work or key[1] else beside)[key] = placed.told
    # A line for all chapters, where nothing says which: a picture beside a notebook is none.
    times = {key: told for key, told in beside.items() if key[0] not in sure} | times
    done.late = {student for (student, _), told in times.items() if told.late}
    done.timeless = {student for (student, _), told in times.items() if not told.submitted}
    done.aside = [
        f"{s}/{name}: now {to}" for s, f in folders.items() for name, to in f.aside.items()
    ]
    return times, folders


def _newest(plan: Plan) -> list[Placed]:
    """What is placed, the oldest first; of a student's files no more than anybody reads."""
    rising = sorted(plan.placed, key=lambda each: each.when)
    likely = sorted(rising, key=_is_work)[::-1]
    kept, count, size, left = set(), Counter(), Counter(), Counter()
    for placed in likely:
        student, its = placed.student, placed.member.size
        if count[student] < MOST and size[student] + its <= BYTES:
            count[student] += 1
            size[student] += its
            kept.add(id(placed))
        else:
            left[student] += 1
    for student, number in left.items():
        told = f"more than {MOST} files or {BYTES >> 20} MiB; the newest are taken, work first"
        plan.left.append((f"{number} of {student}'s files", told))
    return [placed for placed in rising if id(placed) in kept]


def _is_work(placed: Placed) -> bool:
    return placed.file.casefold().endswith((*WORK, ".zip"))


def _move_into(made: Path, out: Path, folders: dict[str, Versions]) -> None:
    for student, folder in folders.items():
        for name, aside in folder.aside.items():
            (out / student / name).rename(out / student / aside)
    for path in sorted(made.glob("*/*")):
        target = out / path.parent.name / path.name
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
