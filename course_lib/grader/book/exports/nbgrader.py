"""nbgrader: the columns of the `grades.csv` that `nbgrader export` writes; a chapter's assignment.

Source: nbgrader's documentation of `nbgrader export` and its CSV exporter.
"""

from dataclasses import replace
from datetime import UTC, datetime

from ..totals import number, total
from .cells import table
from .forms import NBGRADER
from .marks import Marks, column
from .people import people_of
from .roster import Roster, RosterError

HEADER = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
)  # fmt: skip


def text(marks: Marks, roster: Roster | None) -> tuple[str, list[str]]:
    """One line for each student's chapter. A roster has nbgrader's columns: id, first_name, …

    Raises RosterError when it has no `id`.
    """
    people, notes = _people(marks, roster)
    in_time = replace(marks.rules, per_day=0.0, max_days=None)
    lines = []
    for student, rows in marks.rows.items():
        before = total(rows, in_time).chapters
        for chapter, own in marks.totals[student].chapters.items():
            deadline = marks.rules.chapters.get(chapter, marks.rules.deadline)
            submitted = datetime.fromisoformat(own.submitted) if own.submitted else None
            penalty = number(before[chapter].points - own.points)
            scores = [number(before[chapter].points), penalty, number(own.points)]
            when = [_utc(deadline), _utc(submitted)]
            names = people.get(student, ["", "", ""])
            lines.append([column(chapter), *when, student, *names, *scores, str(own.out_of)])
    if marks.rules.count is not None:
        notes.append("best_of.count holds for the whole course: these chapters are without it")
    return table(HEADER, sorted(lines)), notes


def _people(marks: Marks, roster: Roster | None) -> tuple[dict[str, list[str]], list[str]]:
    if roster is None:
        return {}, []
    if roster.place(*NBGRADER.accounts) is None:
        raise RosterError(f"{roster.name}: no column id")
    listed = people_of(roster, NBGRADER)
    found, notes = listed.matched(marks.rows)
    places = [roster.place(name) for name in ("last_name", "first_name", "email")]
    people = {
        student: ["" if place is None else roster.lines[i][place] for place in places]
        for i, student in found.items()
    }
    return people, [listed.told, *notes]


def _utc(time: datetime | None) -> str:
    """As nbgrader writes times: UTC, without saying so."""
    if time is None:
        return ""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
