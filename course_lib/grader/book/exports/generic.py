"""A plain CSV: every exercise's points as given, then what they come to."""

from ..totals import number
from .cells import table
from .marks import Marks
from .roster import Roster


def text(marks: Marks, roster: Roster | None) -> tuple[str, list[str]]:
    """One line a student; a cell is empty where an exercise was never graded.

    LATE instead of days: the platform says so, and no time is known.
    """
    ids = sorted({row["exercise"] for own in marks.rows.values() for row in own})
    header = ["student", *ids, "raw", "points", "out_of", "days_late"]
    lines = []
    for student, own in marks.rows.items():
        came = marks.totals[student]
        points = {row["exercise"]: number(row["points"]) for row in own}
        days = max(chapter.days_late for chapter in came.chapters.values())
        marked = any(chapter.marked_late for chapter in came.chapters.values())
        late = "LATE" if marked and not days else str(days)
        totals = [number(came.raw), number(came.points), number(came.out_of), late]
        lines.append([student, *[points.get(id, "") for id in ids], *totals])
    return table(header, lines), []
