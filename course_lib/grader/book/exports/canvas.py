"""Canvas: its own gradebook export comes in, and goes out with points in it.

Canvas knows a student by the ID columns and an assignment by the number behind its name, so all
columns that it wrote stay as they are and where they are. A new column becomes a new assignment.
"""

from .cells import escaped, written
from .forms import CANVAS
from .marks import Marks
from .people import SHORTENED, People, people_of
from .roster import KEEP, Roster, RosterError, bare

IDS = ("ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")
POSSIBLE = "Points Possible"


def text(marks: Marks, roster: Roster | None) -> tuple[str, list[str]]:
    """The roster with points; without one, a file that Canvas matches by login only.

    Raises RosterError when the roster isn't one of Canvas.
    """
    columns = marks.columns()
    if roster is None:
        return _without_roster(marks, columns), ["no --roster: Canvas will match by SIS Login ID"]
    no_id = all(roster.place(name) is None for name in CANVAS.accounts)
    if no_id or roster.place("Student", "LastName") is None:
        raise RosterError(f"{roster.name}: no columns Student and ID; export it from Canvas anew")
    _refuse_shortened(roster)
    people = people_of(roster, CANVAS)
    found, notes = people.matched(marks.rows)
    first = next((i for i, line in enumerate(roster.lines) if _possible(line)), None)

    def cells(line: int) -> dict[str, str]:
        if line == first:
            return {column: str(columns[column]) for column in new}
        return marks.cells(found[line]) if line in found else {}

    there = {bare(cell) for cell in roster.header}
    new = [column for column in columns if column.casefold() not in there]
    notes += [*_other_points(roster, columns, first), *_words_kept(roster, marks, people, found)]
    notes += _without_points(people, found)
    return roster.filled(columns, cells, IDS), [people.told, *notes]


def _refuse_shortened(roster: Roster) -> None:
    """Canvas reads 1.01E+07 as 1, and would give the points to whoever has that number."""
    place = roster.place("ID")
    for i, line in enumerate(roster.lines if place is not None else ()):
        if SHORTENED.fullmatch(line[place].strip()):
            told = f"{roster.where(i)}: ID {line[place].strip()} is a number that a spreadsheet"
            raise RosterError(f"{told} shortened; export the list from Canvas anew")


def _words_kept(roster: Roster, marks: Marks, people: People, found: dict[int, str]) -> list[str]:
    """Points that are not in the export, since Canvas has a word in their place."""
    told = []
    for person in people.students:
        points = marks.cells(found[person.line]) if person.line in found else {}
        for name, cell in zip(roster.header, roster.lines[person.line], strict=True):
            column = next((c for c in points if c.casefold() == bare(name)), None)
            if column and cell.strip() in KEEP:
                told.append(f"{person}, {column}: {cell.strip()} stays, not {points[column]}")
    return told


def _possible(line: list[str]) -> bool:
    return line[0].strip() == POSSIBLE


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


def _without_points(people: People, found: dict[int, str]) -> list[str]:
    missing = "; ".join(str(p) for p in people.students if p.line not in found)
    return [f"in {people.name} but not in the gradebook: {missing}"] if missing else []


def _without_roster(marks: Marks, columns: dict[str, int]) -> str:
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *columns]
    lines = [["    " + POSSIBLE, *[""] * 4, *map(str, columns.values())]]
    for student in marks.rows:
        cells = marks.cells(student)
        points = [cells.get(column, "") for column in columns]
        login = escaped(student, id=True)
        lines.append([escaped(student), "", "", login, "", *points])
    return written([header, *lines])
