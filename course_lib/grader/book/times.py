"""When work was handed in: what the instructor wrote down goes before what the file says.

`submitted.csv` beside the students' folders has the columns `student`, `submitted` and, if wanted,
`chapter`. It is the instructor's file (a student's own folder could hold anything). Without a line
there, it is the file's time of change when this very work was graded first: a copy that is made
later for an appeal has another time and must not be late for it.
"""

import csv
from datetime import datetime
from pathlib import Path

FILE = "submitted.csv"
Times = dict[tuple[str, str], str]


class TimesError(ValueError):
    """A list of times that can't be used; names the file and the line."""


def load_times(submissions: Path) -> Times:
    """Times by (student, chapter); chapter is "" where a line holds for all of them.

    Raises TimesError, naming the file and the line.
    """
    path = submissions / FILE
    if not path.exists():
        return {}
    times: Times = {}
    try:
        lines = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        raise TimesError(f"{path}: can't be read ({error})") from error
    for number, line in enumerate(lines, 2):
        student, told = line.get("student"), line.get("submitted")
        if not student or not told:
            raise TimesError(f"{path}, line {number}: student or submitted is missing")
        try:
            time = datetime.fromisoformat(told.strip())
        except ValueError as error:
            raise TimesError(f"{path}, line {number}: {told!r} is not a time") from error
        times[student, (line.get("chapter") or "").strip()] = spelled(time)
    return times


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
    """The rows with the time of their chapter: the list's, the one noted, the file's, or none."""
    return [row | {"submitted": _time(row, times)} for row in rows]


def _time(row: dict, times: Times) -> str | None:
    student, chapter = row["student"], row["exercise"][:2]
    if row.get("file") == "":
        return None
    listed = times.get((student, chapter)) or times.get((student, ""))
    return listed or row.get("submitted") or row.get("changed")
