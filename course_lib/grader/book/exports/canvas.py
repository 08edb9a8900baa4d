"""Canvas: its own gradebook export comes in, and goes out with points in it.

Canvas knows a student by the ID columns and an assignment by the number behind its name, so all
columns that it wrote stay as they are and where they are. A new column becomes a new assignment.
"""

from collections.abc import Callable

from .cells import escaped, written
from .marks import Marks
from .roster import Roster, RosterError, bare

IDS = ("ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")
POSSIBLE = "Points Possible"


def text(marks: Marks, roster: Roster | None) -> tuple[str, list[str]]:
    """The roster with points; without one, a file that Canvas matches by login only.

    Raises RosterError when the roster isn't one of Canvas.
    """
    columns = marks.columns()
    if roster is None:
        return _without_roster(marks, columns), ["no --roster: Canvas will match by SIS Login ID"]
    login, sis = roster.place("SIS Login ID"), roster.place("SIS User ID")
    name = roster.place("Student", "LastName")
    if name is None or (login is None and sis is None and roster.place("ID") is None):
        raise RosterError(f"{roster.name}: no columns Student and ID; export it from Canvas anew")
    places = [place for place in (login, sis) if place is not None]
    keys = [lambda line, place=place: line[place] for place in places]
    found, notes = roster.matched(marks.rows, [*keys, *_names(roster)])
    first = next((i for i, line in enumerate(roster.lines) if _possible(line)), None)

    def cells(line: int) -> dict[str, str]:
        if line == first:
            return {column: str(columns[column]) for column in new}
        return marks.cells(found[line]) if line in found else {}

    there = {bare(cell) for cell in roster.header}
    new = [column for column in columns if column.casefold() not in there]
    notes += _other_points(roster, columns, first)
    if missing := _without_points(roster, found, name):
        notes.append(f"in {roster.name} but not in the gradebook: {', '.join(missing)}")
    return roster.filled(columns, cells, IDS), notes


def _possible(line: list[str]) -> bool:
    return line[0].strip() == POSSIBLE


def _names(roster: Roster) -> list[Callable[[list[str]], str]]:
    """A student's name as Canvas writes it, `Lovelace, Ada`, and as people do."""
    student, last, first = map(roster.place, ("Student", "LastName", "FirstName"))

    def as_listed(line: list[str]) -> str:
        return line[student] if student is not None else f"{line[last]}, {line[first]}"

    def first_name_first(line: list[str]) -> str:
        family, comma, given = as_listed(line).partition(",")
        return f"{given.strip()} {family.strip()}" if comma else family

    both = student is not None or None not in (last, first)
    return [as_listed, first_name_first] if both else []


def _other_points(roster: Roster, columns: dict[str, int], first: int | None) -> list[str]:
    """Columns that Canvas has already, out of another number than here."""
    told = []
    for i, cell in enumerate(roster.header):
        name = next((c for c in columns if c.casefold() == bare(cell)), None)
        there = roster.lines[first][i].strip() if first is not None and name else ""
        if there and _as_number(there) != columns[name]:
            told.append(f"{name} is out of {there} in Canvas and out of {columns[name]} here")
    return told


def _as_number(cell: str) -> float | None:
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None


def _without_points(roster: Roster, found: dict[int, str], name: int) -> list[str]:
    people = [
        i for i, line in enumerate(roster.lines) if line[name].strip() and not _possible(line)
    ]
    return [roster.lines[i][name].strip() for i in people if i not in found]


def _without_roster(marks: Marks, columns: dict[str, int]) -> str:
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *columns]
    lines = [["    " + POSSIBLE, *[""] * 4, *map(str, columns.values())]]
    for student in marks.rows:
        cells = marks.cells(student)
        points = [cells.get(column, "") for column in columns]
        login = escaped(student, id=True)
        lines.append([escaped(student), "", "", login, "", *points])
    return written([header, *lines])
