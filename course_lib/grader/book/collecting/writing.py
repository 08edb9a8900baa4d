"""Collected work on disk: a folder for each student, what is known of times, and a record.

Nothing of a student's is overwritten: another file of the same name stands beside the older one,
with a number. A target that isn't there yet appears whole; into one that is, each file is moved
whole, so that a crash is mended by collecting the same archive again.
"""

import json
import os
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.paths import write_atomic

from ..exports.people import People
from ..times import Times, Told, add_times, load_times
from .members import CollectError
from .placing import WORK, Placed, Plan

RECORD = ".collected.json"


@dataclass
class Collected:
    """What was done: files by student, new and there already, and who has work among them.

    Also whose is late, of whom no time is known, and the lines of times that were replaced.
    """

    new: Counter = field(default_factory=Counter)
    same: Counter = field(default_factory=Counter)
    work: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    timeless: set[str] = field(default_factory=set)
    replaced: list[str] = field(default_factory=list)


def write(plan: Plan, out: Path, people: People | None) -> Collected:
    """Write what a plan places. Raises CollectError when `out` holds something else, or another
    class; what can't be unpacked goes to the plan's list of what is left.
    """
    by = "a list" if people else plan.platforms.most_common(1)[0][0]
    before = _earlier(out, by, people)
    done = Collected()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        made = Path(folder) / out.name
        made.mkdir()
        times = _fill(made, out, plan, done)
        students = sorted({*before, *(path.name for path in made.iterdir())})
        record = json.dumps({"by": by, "students": students}, indent=1, ensure_ascii=False) + "\n"
        if before:
            done.replaced = add_times(out, times)
            _move_into(made, out)
            write_atomic(out / RECORD, record)
        elif students:
            add_times(made, times)
            write_atomic(made / RECORD, record)
            if out.exists():
                out.rmdir()  # it is empty
            made.rename(out)
    return done


def _earlier(out: Path, by: str, people: People | None) -> list[str]:
    """The students of what was collected into `out` before."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return []
    try:
        kept = json.loads((out / RECORD).read_text(encoding="utf-8"))
        earlier, students = kept["by"], list(kept["students"])
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


def _fill(made: Path, out: Path, plan: Plan, done: Collected) -> Times:
    """Write the files that `out` doesn't have; returns what is known of when they came.

    Of several files for a chapter the newest counts: it is what will be graded.
    """
    listed, times, sure = load_times(out), {}, set()
    for placed in sorted(plan.placed, key=_when):
        try:
            data = placed.member.read()
        except CollectError as error:
            plan.left.append((str(placed.member), str(error)))
            continue
        key = placed.student, chapter_of(placed.file, data)
        sure |= {placed.student} if key[1] else set()
        folders = [out / placed.student, made / placed.student]
        name = _free_name(folders, safe(placed.file), data)
        if name is None:
            done.same[placed.student] += 1
        else:
            path = made / placed.student / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (_when(placed), _when(placed)))
            done.new[placed.student] += 1
        if placed.file.casefold().endswith(WORK):
            done.work.add(placed.student)
        if name is not None or not {key, (placed.student, "")} & listed.keys():
            times[key] = _told(placed)
    # A line for all chapters, only where nothing says which: a picture beside a notebook is none.
    times = {key: told for key, told in times.items() if key[1] or key[0] not in sure}
    done.late = {student for (student, _), told in times.items() if told.late}
    done.timeless = {student for (student, _), told in times.items() if not told.submitted}
    return times


def _when(placed: Placed) -> float:
    return placed.time.timestamp() if placed.time else placed.member.changed


def _told(placed: Placed) -> Told:
    return Told(placed.time.isoformat() if placed.time else "", placed.late)


def chapter_of(name: str, data: bytes) -> str:
    """A file's chapter by its name, else by the ids of its cells; "" where neither says one."""
    if match := re.match(r"(\d\d)(?!\d)", name):
        return match[1]
    ids = re.findall(rb"""["'](\d\d)\.[a-z][a-z0-9-]*["']""", data)
    return Counter(ids).most_common(1)[0][0].decode() if ids else ""


def _free_name(folders: list[Path], name: str, data: bytes) -> str | None:
    """A name that no file in these folders has; None when this very file is there."""
    there = {p.name.casefold(): p for f in folders if f.is_dir() for p in f.iterdir()}
    stem, suffix = os.path.splitext(name)
    number, free = 1, name
    while path := there.get(free.casefold()):
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return None
        number += 1
        free = f"{stem}-{number}{suffix}"
    return free


def safe(name: str) -> str:
    """A name that every system can have, with the suffix in small letters."""
    stem, suffix = os.path.splitext(re.sub(r'[/\\:*?"<>|]', "_", name))
    short = stem.strip(" .").encode()[:180].decode(errors="ignore")  # systems count bytes
    return f"{short or 'work'}{suffix.lower()[:20]}"


def _move_into(made: Path, out: Path) -> None:
    for path in sorted(made.glob("*/*")):
        target = out / path.parent.name / path.name
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
