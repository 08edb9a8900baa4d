"""A list of students that a learning platform wrote: read, filled with points, given back."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .cells import escaped, written

BOM = "\ufeff"
KEEP = ("EX", "N/A")  # Canvas's words for excused, and for not asked of this student


class RosterError(ValueError):
    """A roster that can't be read, or that lacks what identifies a student."""


@dataclass(frozen=True)
class Roster:
    """A table as it was in the file, so that it can be written the same way again."""

    name: str
    header: list[str]
    lines: list[list[str]]
    delimiter: str = ","
    bom: str = ""

    def place(self, *names: str) -> int | None:
        """Where the first of these columns is; case and spaces around don't matter."""
        there = [cell.strip().casefold() for cell in self.header]
        return next((there.index(n.casefold()) for n in names if n.casefold() in there), None)

    def matched(
        self, students: Iterable[str], keys: Sequence[Callable[[list[str]], str]]
    ) -> tuple[dict[int, str], list[str]]:
        """Which line is which student, trying one key after the other; and what didn't match."""
        found: dict[int, str] = {}
        notes: list[str] = []
        for student in students:
            lines = self._lines_of(student, keys)
            if len(lines) == 1 and lines[0] not in found:
                found[lines[0]] = student
            else:
                why = "no line of" if not lines else "more than one match in"
                notes.append(f"{student}: {why} {self.name}; their points are not in the export")
        return found, notes

    def _lines_of(self, student: str, keys: Sequence[Callable[[list[str]], str]]) -> list[int]:
        for key in keys:
            for same in (str.strip, lambda text: text.strip().casefold()):
                told = [same(key(line)) for line in self.lines]
                if lines := [i for i, cell in enumerate(told) if cell and cell == same(student)]:
                    return lines
        return []

    def filled(
        self,
        columns: dict[str, int],
        cells: Callable[[int], dict[str, str]],
        ids: Sequence[str],
    ) -> str:
        """The table with points in the columns of these names, added at the end where new.

        `cells` gives the points for a line by its number. Cells of columns named in `ids` stay as
        they are; words such as EX do too.
        """
        header, lines = [*self.header], [[*line] for line in self.lines]
        for name in columns:
            place = next((i for i, cell in enumerate(header) if bare(cell) == name.casefold()), -1)
            if place < 0:
                place = len(header)
                header.append(name)
            for i, line in enumerate(lines):
                line += [""] * (len(header) - len(line))
                value = cells(i).get(name, "")
                if value and line[place].strip() not in KEEP:
                    line[place] = value
        same = [name.strip() in ids for name in header]
        rows = [
            [escaped(cell, id=id) for cell, id in zip(line, same, strict=True)]
            for line in [header, *lines]
        ]
        return self.bom + written(rows, self.delimiter)


def bare(header: str) -> str:
    """A column's name without the number that Canvas puts behind it: `Chapter 02 (4711)`."""
    return re.sub(r"\s*\(\d+\)$", "", header.strip()).casefold()


def load_roster(path: Path) -> Roster:
    """Read a CSV with a comma or a semicolon. Raises RosterError, naming the file."""
    try:
        text = path.read_bytes().decode("utf-8")
        bom = BOM if text.startswith(BOM) else ""
        text = text.removeprefix(BOM)
        first = text.split("\n")[0]
        delimiter = ";" if first.count(";") > first.count(",") else ","
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except (OSError, ValueError, csv.Error) as error:
        raise RosterError(f"{path}: not a readable CSV file ({error})") from error
    if not lines or not any(cell.strip() for cell in lines[0]):
        raise RosterError(f"{path}: the first line must name the columns")
    header, width = lines[0], len(lines[0])
    body = [[*line, *[""] * (width - len(line))] for line in lines[1:] if any(line)]
    if long := next((i for i, line in enumerate(body, 2) if len(line) > width), None):
        raise RosterError(f"{path}, line {long}: more cells than the first line has")
    return Roster(path.name, header, body, delimiter, bom)
