"""The hand-in time of each line of a gradebook.

What the instructor wrote goes first; then the time of the very file that the answer was taken from,
as `course collect` keeps it; then what collecting wrote for the chapter; then what was noted when
the same work was graded before, and the file's own time. Where a platform tells no time but the
word LATE, the line keeps that.
"""

from .came import Came
from .times import Times

MARKED = "marked_late"
UNKNOWN = Came()


def kept_times(before: list[dict], rows: list[dict]) -> list[dict]:
    """The rows, with the times that were noted when the same work was graded before."""
    known = {row["exercise"]: row for row in before if row.get("submitted")}
    return [
        row | {"submitted": known[row["exercise"]]["submitted"]}
        if row["exercise"] in known and known[row["exercise"]]["work"] == row["work"]
        else row
        for row in rows
    ]


def stamped(rows: list[dict], times: Times, came: Came = UNKNOWN) -> list[dict]:
    """The rows with their times: the list's, the file's, the one noted, or none.

    Work that is marked late and has no time keeps the mark.
    """
    return [_stamped(row, times, came) for row in rows]


def _stamped(row: dict, times: Times, came: Came) -> dict:
    if row.get("file") == "":
        return _unmarked(row) | {"submitted": None}
    known = came.of(row, times)
    if known is None and MARKED in row:
        return row
    if known is None:
        return row | {"submitted": row.get("submitted") or row.get("changed")}
    mark = {MARKED: True} if known.late and not known.submitted else {}
    return _unmarked(row) | {"submitted": known.submitted or None} | mark


def _unmarked(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != MARKED}
