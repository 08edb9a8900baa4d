"""A list of students that a learning platform wrote: read, filled with points, given back."""

import csv
import io
import re
from collections.abc import Callable, Sequence
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
    encoding: str = "UTF-8"

    def place(self, *names: str) -> int | None:
        """Where the first of these columns is; case and spaces around don't matter."""
        there = [cell.strip().casefold() for cell in self.header]
        return next((there.index(n.casefold()) for n in names if n.casefold() in there), None)

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
    """Read a CSV with commas, semicolons or tabs, as platforms and spreadsheets write them.

    Raises RosterError, naming the file.
    """
    text, encoding = text_of(path)
    bom, text = BOM if text.startswith(BOM) else "", text.removeprefix(BOM)
    first = text.split("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise RosterError(f"{path}: not a readable CSV file ({error})") from error
    if not lines or not any(cell.strip() for cell in lines[0]):
        raise RosterError(f"{path}: the first line must name the columns")
    header, width = lines[0], len(lines[0])
    body = [[*line, *[""] * (width - len(line))] for line in lines[1:] if any(line)]
    if long := next((i for i, line in enumerate(body, 2) if len(line) > width), None):
        raise RosterError(f"{path}, line {long}: more cells than the first line has")
    return Roster(path.name, header, body, delimiter, bom, encoding)


def text_of(path: Path) -> tuple[str, str]:
    """A file's text, and the encoding that it was read in. Raises RosterError, naming the file."""
    try:
        data = path.read_bytes()
        if data.startswith(b"PK"):
            raise ValueError("it is a workbook or an archive: save the list as CSV")
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        for encoding in ("UTF-16",) if wide else ("UTF-8", "Windows-1252"):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError as error:
                trouble: ValueError = error
                continue
            if "\0" in text:
                raise ValueError("it is no text")
            # Excel needs the mark to see that what goes back is in UTF-8.
            return (BOM if wide else "") + text, encoding
        raise trouble
    except (OSError, ValueError) as error:
        raise RosterError(f"{path}: not a readable list of students ({error})") from error
