"""Moodle: a CSV for Grades, Import, where each column is mapped by hand to a grade item."""

from .cells import table
from .marks import Marks
from .roster import Roster, RosterError

KEYS = (("username",), ("email address", "email"), ("id number", "idnumber"))
IDS = ("Username", "username", "Email address", "Email", "email", "ID number", "idnumber")


def text(marks: Marks, roster: Roster | None) -> tuple[str, list[str]]:
    """Points behind the roster's own columns, or behind `username` and `email`.

    Raises RosterError when no column of the roster says who a student is.
    """
    columns = marks.columns()
    if roster is None:
        return _plain(marks, list(columns)), []
    places = [place for names in KEYS if (place := roster.place(*names)) is not None]
    if not places:
        raise RosterError(f"{roster.name}: no column Username, Email address or ID number")
    found, notes = roster.matched(marks.rows, [lambda line, p=place: line[p] for place in places])

    def cells(line: int) -> dict[str, str]:
        return marks.cells(found[line]) if line in found else {}

    return roster.filled(columns, cells, IDS), notes


def _plain(marks: Marks, columns: list[str]) -> str:
    lines = []
    for student in marks.rows:
        points = marks.cells(student)
        known_by = ["", student] if "@" in student else [student, ""]
        lines.append([*known_by, *[points.get(column, "") for column in columns]])
    return table(["username", "email", *columns], lines)
