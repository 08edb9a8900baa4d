"""Moodle: a CSV for Grades, Import, where each column is mapped by hand to a grade item."""

from .cells import table
from .forms import MOODLE
from .marks import Marks
from .people import people_of
from .roster import Roster, RosterError

IDS = (*MOODLE.accounts, "username", "email")


def text(marks: Marks, roster: Roster | None) -> tuple[str, list[str]]:
    """Points behind the roster's own columns, or behind `username` and `email`.

    Raises RosterError when no column of the roster says who a student is.
    """
    columns = marks.columns()
    if roster is None:
        return _plain(marks, list(columns)), []
    if roster.place(*MOODLE.accounts) is None:
        raise RosterError(
            f"{roster.name}: no column Username, Email address, ID number or Identifier"
        )
    people = people_of(roster, MOODLE)
    found, notes = people.matched(marks.rows)

    def cells(line: int) -> dict[str, str]:
        return marks.cells(found[line]) if line in found else {}

    return roster.filled(columns, cells, IDS), [people.told, *notes]


def _plain(marks: Marks, columns: list[str]) -> str:
    lines = []
    for student in marks.rows:
        points = marks.cells(student)
        known_by = ["", student] if "@" in student else [student, ""]
        lines.append([*known_by, *[points.get(column, "") for column in columns]])
    return table(["username", "email", *columns], lines)
