"""When work was handed in: what the instructor wrote down goes before what the file says.

`submitted.csv` beside the students' folders has the columns `student`, `submitted` and, if wanted,
`chapter` and `late`. It is the instructor's file (a student's own folder could hold anything).
Without a line there, it is the file's time of change when this very work was graded first: a copy
that is made later for an appeal has another time and must not be late for it.

`course collect` writes what the platform tells. Where that is no time, `submitted` is empty: then
none is known, the file's own says nothing (it is that of a download), and no day can be counted.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_lib.paths import write_private

from .exports.roster import RosterError, load_roster
from .exports.spelling import normal

FILE = "submitted.csv"
COLUMNS = ("student", "chapter", "submitted", "late")
NOT_LATE = ("", "0", "no", "false")


class TimesError(ValueError):
    """A list of times that can't be used; names the file and the line."""


@dataclass(frozen=True)
class Told:
    """What is known of a hand-in: its time, or "" for none, and if the platform calls it late."""

    submitted: str
    late: bool = False


Times = dict[tuple[str, str], Told]


def load_times(submissions: Path) -> Times:
    """What is known by (student, chapter); chapter is "" where a line holds for all of them.

    Raises TimesError, naming the file and the line.
    """
    path = submissions / FILE
    times: Times = {}
    for number, line in _lines(path):
        student, told = line.get("student", ""), line.get("submitted", "")
        # Only a list with a column `late` may have no time: elsewhere it was forgotten.
        if not student or not (told or "late" in line):
            raise TimesError(f"{path}, line {number}: student or submitted is missing")
        try:
            time = spelled(datetime.fromisoformat(told)) if told else ""
        except ValueError as error:
            form = "write it like 2026-12-03T09:30:00"
            raise TimesError(f"{path}, line {number}: {told!r} is not a time; {form}") from error
        key = normal(student), line.get("chapter", "")
        if key in times:
            told = " ".join(filter(None, key))
            raise TimesError(f"{path}, line {number}: there is another line for {told}")
        times[key] = Told(time, line.get("late", "").casefold() not in NOT_LATE)
    return times


def strangers(times: Times, students: Iterable[str]) -> list[str]:
    """Who has a line and no folder, misspelt perhaps, so that nobody is late by it."""
    there = {normal(student) for student in students}
    return sorted({student for student, _ in times} - there)


def add_times(submissions: Path, new: Mapping[tuple[str, str], Told]) -> list[str]:
    """Write what is known of new work into the list; returns the lines whose times it took.

    Other lines and columns stay. Raises TimesError when the list there can't be read.
    """
    path = submissions / FILE
    lines = [line for _, line in _lines(path)]
    columns = list(dict.fromkeys([*COLUMNS, *(name for line in lines for name in line if name)]))
    kept, gone = [], []
    for line in lines:
        cells = [line.get(name, "") for name in COLUMNS]
        known = new.get((normal(cells[0]), cells[1]))
        if known is None:
            kept.append(line)
        elif (cells[2], bool(cells[3])) != (known.submitted, known.late):
            gone.append(" ".join(filter(None, cells)))
    for (student, chapter), known in sorted(new.items()):
        word = "LATE" if known.late else ""
        kept.append(dict(zip(COLUMNS, (student, chapter, known.submitted, word), strict=True)))
    out = io.StringIO()
    table = csv.DictWriter(out, columns, restval="", extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(kept)
    write_private(path, out.getvalue())
    return gone


def _lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The list's lines by column, as a spreadsheet may have saved them, with their numbers."""
    # Somebody may be called so, and this be their folder.
    if not path.is_file() or not path.stat().st_size:
        return []
    try:
        table = load_roster(path)
    except RosterError as error:
        raise TimesError(str(error)) from error
    names = [name.strip() for name in table.header]
    names = [name.casefold() if name.casefold() in COLUMNS else name for name in names]
    if "student" not in names:
        raise TimesError(f"{path}: no column student; there are: {', '.join(names[:8])}")
    lines = []
    for number, cells in zip(table.numbers, table.lines, strict=True):
        line = dict(zip(names, map(str.strip, cells), strict=True))
        if chapter := line.get("chapter"):  # a spreadsheet makes 2 of 02
            line["chapter"] = chapter.zfill(2)
        lines += [(number, line)] if any(line.values()) else []
    return lines


def spelled(time: datetime) -> str:
    """A time with its offset; one without is local."""
    return time.astimezone().isoformat(timespec="seconds")
