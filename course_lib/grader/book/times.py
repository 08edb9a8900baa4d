"""When work was handed in: what the instructor wrote down goes before what the file says.

`submitted.csv` beside the students' folders has the columns `student`, `submitted` and, if wanted,
`chapter` and `late`. It is the instructor's file (a student's own folder could hold anything).
Without a line there, it is the file's time of change when this very work was graded first: a copy
that is made later for an appeal has another time and must not be late for it.

`course collect` writes what the platform tells. Where that is no time, `submitted` is empty: then
none is known, the file's own says nothing (it is that of a download), and no day can be counted.
The word LATE in `late` is then kept with the line of the gradebook and shown.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_lib.paths import write_private

FILE = "submitted.csv"
COLUMNS = ("student", "chapter", "submitted", "late")
MARKED = "marked_late"


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
    for number, line in enumerate(_lines(path), 2):
        student, told = (line.get("student") or "").strip(), (line.get("submitted") or "").strip()
        # Only a list with a column `late` may have no time: elsewhere it was forgotten.
        if not student or not (told or line.get("late") is not None):
            raise TimesError(f"{path}, line {number}: student or submitted is missing")
        try:
            time = spelled(datetime.fromisoformat(told)) if told else ""
        except ValueError as error:
            raise TimesError(f"{path}, line {number}: {told!r} is not a time") from error
        late = bool((line.get("late") or "").strip())
        times[student, (line.get("chapter") or "").strip()] = Told(time, late)
    return times


def add_times(submissions: Path, new: Mapping[tuple[str, str], Told]) -> list[str]:
    """Write what is known of new work into the list; returns the lines whose times it took.

    Other lines and columns stay. Raises TimesError when the list there can't be read.
    """
    path = submissions / FILE
    lines = _lines(path)
    columns = list(dict.fromkeys([*COLUMNS, *(name for line in lines for name in line if name)]))
    kept, gone = [], []
    for line in lines:
        cells = [(line.get(name) or "").strip() for name in COLUMNS]
        known = new.get((cells[0], cells[1]))
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


def _lines(path: Path) -> list[dict]:
    if not path.is_file():  # somebody may be called so, and this be their folder
        return []
    try:
        return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        raise TimesError(f"{path}: can't be read ({error})") from error


def spelled(time: datetime) -> str:
    """A time with its offset; one without is local."""
    return time.astimezone().isoformat(timespec="seconds")


def kept_times(before: list[dict], rows: list[dict]) -> list[dict]:
    """The rows, with the times that were noted when the same work was graded before."""
    known = {row["exercise"]: row for row in before if row.get("submitted")}
    return [
        row | {"submitted": known[row["exercise"]]["submitted"]}
        if row["exercise"] in known and known[row["exercise"]]["work"] == row["work"]
        else row
        for row in rows
    ]


def stamped(rows: list[dict], times: Times) -> list[dict]:
    """The rows with the time of their chapter: the list's, the one noted, the file's, or none.

    Work that is marked late and has no time keeps the mark.
    """
    return [_stamped(row, times) for row in rows]


def _stamped(row: dict, times: Times) -> dict:
    student, chapter = row["student"], row["exercise"][:2]
    if row.get("file") == "":
        return _unmarked(row) | {"submitted": None}
    listed = times.get((student, chapter)) or times.get((student, ""))
    if listed is None and MARKED in row:
        return row
    if listed is None:
        return row | {"submitted": row.get("submitted") or row.get("changed")}
    mark = {MARKED: True} if listed.late and not listed.submitted else {}
    return _unmarked(row) | {"submitted": listed.submitted or None} | mark


def _unmarked(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != MARKED}
